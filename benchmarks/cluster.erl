#!/usr/bin/env escript
%% The workloads of benchmarks.cluster between two Erlang nodes: prints one JSON object.
main([Calls, Casts, Monitors]) ->
    {C, K, M} = {list_to_integer(Calls), list_to_integer(Casts), list_to_integer(Monitors)},
    Name = "bench" ++ os:getpid(),
    os:cmd("epmd -daemon"),
    {ok, _} = net_kernel:start([list_to_atom(Name ++ "a"), shortnames]),
    Cookie = atom_to_list(erlang:get_cookie()),
    [_, Host] = string:split(atom_to_list(node()), "@"),
    Other = list_to_atom(Name ++ "b@" ++ Host),
    open_port({spawn, "erl -noinput -sname " ++ Name ++ "b -setcookie " ++ Cookie}, []),
    connect(Other, 100),
    Server = start(Other),
    [call(Server, N) || N <- lists:seq(1, 500)],
    Times = lists:sort([element(1, timer:tc(fun() -> call(Server, N) end)) || N <- lists:seq(1, C)]),
    Begun = erlang:monotonic_time(microsecond),
    [Server ! cast || _ <- lists:seq(1, K)],
    K = call(Server, casts),
    Took = erlang:monotonic_time(microsecond) - Begun,
    Pids = call(Server, {idle, M}),
    [monitor(process, P) || P <- Pids],
    call(Server, arrived),
    Killed = erlang:monotonic_time(microsecond),
    rpc:cast(Other, erlang, halt, [0, [{flush, false}]]),
    receive {'DOWN', _, _, _, _} -> ok end,
    First = erlang:monotonic_time(microsecond),
    [receive {'DOWN', _, _, _, _} -> ok end || _ <- lists:seq(2, M)],
    Last = erlang:monotonic_time(microsecond),
    io:format("{\"call_p50_us\": ~p, \"call_p99_us\": ~p, \"casts_per_s\": ~p, \"monitors_s\": ~p, \"detected_s\": ~p}~n",
        [lists:nth(C div 2, Times), lists:nth(C * 99 div 100, Times), K * 1000000 / Took, (Last - First) / 1000000,
         (First - Killed) / 1000000]).

connect(_, 0) -> halt(1);
connect(Node, N) ->
    case net_kernel:connect_node(Node) of
        true -> ok;
        _ -> receive after 50 -> connect(Node, N - 1) end
    end.

%% The code of this script is not on the other node: compile a module, and load it there.
start(Node) ->
    Forms = [form(Text) || Text <- [
        "-module(echo).",
        "-export([loop/1, idle/0]).",
        "idle() -> receive never -> ok end.",
        "loop(N) -> receive {call, P, R, casts} -> P ! {R, N}, loop(N);"
        " {call, P, R, {idle, M}} -> P ! {R, [spawn(fun idle/0) || _ <- lists:seq(1, M)]}, loop(N);"
        " {call, P, R, T} -> P ! {R, T}, loop(N); cast -> loop(N + 1) end."]],
    {ok, echo, Binary} = compile:forms(Forms),
    {module, echo} = rpc:call(Node, code, load_binary, [echo, "echo.erl", Binary]),
    rpc:call(Node, erlang, spawn, [echo, loop, [0]]).

form(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text),
    {ok, Form} = erl_parse:parse_form(Tokens),
    Form.

call(Server, Term) ->
    Ref = monitor(process, Server),
    Server ! {call, self(), Ref, Term},
    receive {Ref, Answer} -> demonitor(Ref, [flush]), Answer end.
