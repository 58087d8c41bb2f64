answer = {30, 32, 45}  # receive, beginning again, and the reference with the pid
