answer = {
    "CPU and memory are spent on starting": "churn",
    "the log is full of the same report": "log flood",
    "the bug is still there": "root cause hidden",
    "each crash disturbs others": "cascade",
}
