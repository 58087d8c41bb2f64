answer = {"loop", "receive", "from", "timeout"}
