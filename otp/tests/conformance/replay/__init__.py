"""Replays scenarios recorded from Erlang/OTP on `otp`, through public names only."""
