"""Fresh random scenarios: made here, played on Erlang/OTP, compared with `otp`."""
