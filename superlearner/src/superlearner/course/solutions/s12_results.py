answer = {
    ("init", "Ok"): True,
    ("init", "Reply"): False,
    ("init", "NoReply"): False,
    ("init", "Stop"): True,
    ("handle_call", "Ok"): False,
    ("handle_call", "Reply"): True,
    ("handle_call", "NoReply"): True,
    ("handle_call", "Stop"): True,
    ("handle_cast", "Ok"): False,
    ("handle_cast", "Reply"): False,
    ("handle_cast", "NoReply"): True,
    ("handle_cast", "Stop"): True,
}
