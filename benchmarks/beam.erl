%% The workloads of peer_otp.py on Erlang/OTP itself: the measure of every promise.
%% erlc beam.erl && erl +S 1:1 +P 1000000 -noshell -s beam main
%% OTP_BENCH_ONLY and OTP_BENCH_SCALE as in protocol.py; one JSON line a workload.
-module(beam).
-behaviour(gen_server).
-export([main/0, start_kid/0, init/1, handle_call/3, handle_cast/2, handle_info/2, waiter/0, echo/0, member/2]).

%% One server for all: it counts, keeps callers waiting, or sends itself a message with every answer.

init({supervisor, Kid}) ->
    {ok, {#{strategy => one_for_one, intensity => 1000000000, period => 5}, [#{id => kid, start => Kid}]}};
init(_) -> {ok, 0}.

handle_call(increment, _From, N) -> {reply, N + 1, N + 1};
handle_call(increment_busy, _From, N) -> self() ! work, {reply, N + 1, N + 1};
handle_call(hold, From, 0) -> {noreply, [From]};
handle_call(hold, From, Held) -> {noreply, [From | Held]};
handle_call(count, _From, 0) -> {reply, 0, 0};
handle_call(count, _From, Held) -> {reply, length(Held), Held};
handle_call(release, _From, Held) -> lists:foreach(fun(From) -> gen_server:reply(From, 1) end, Held), {reply, released, 0}.

handle_cast(increment, N) -> {noreply, N + 1}.
handle_info(_, N) -> {noreply, N}.

main() ->
    logger:set_primary_config(level, none),
    Only = case os:getenv("OTP_BENCH_ONLY", "") of "" -> all; Names -> string:tokens(Names, ",") end,
    [measure(Name, Work) || {Name, Work} <- workloads(), Only =:= all orelse lists:member(Name, Only)],
    halt().

%% A fresh process with a fresh heap for each.
measure(Name, Work) ->
    {_, Ref} = spawn_monitor(Work),
    receive
        {'DOWN', Ref, process, _, normal} -> ok;
        {'DOWN', Ref, process, _, Reason} -> io:format(standard_error, "~s failed: ~p~n", [Name, Reason])
    end.

workloads() ->
    [{"call", fun() -> calls("call", increment) end},
     {"call_queued", fun calls_of_many/0},
     {"call_behind", fun() -> calls("call_behind", increment_busy) end},
     {"call_async", fun() -> calls("call_async", increment) end}, % the measure of a callback that may wait
     {"cast", fun casts/0}, {"ring", fun ring/0}, {"spawn", fun spawns/0}, {"idle", fun idle/0},
     {"restart", fun restarts/0}, {"monitor", fun monitors/0}, {"pairs", fun pairs/0}, {"timers", fun pending/0},
     {"backlog", fun backlog/0}, {"selective", fun selective/0}].

calls(Name, Request) ->
    {ok, Server} = gen_server:start(?MODULE, [], []),
    N = operations(400000),
    gen_server:call(Server, Request),
    report(Name, N, timed(fun() -> times(N, fun() -> gen_server:call(Server, Request) end) end)),
    exit(Server, kill).

%% Every round begins with a cast, so all the callers find the server busy and queue up.
calls_of_many() ->
    {ok, Server} = gen_server:start(?MODULE, [], []),
    Each = max(1, operations(300000) div 100),
    Me = self(),
    Caller = fun(First) ->
        times(Each, fun() -> First andalso gen_server:cast(Server, increment), gen_server:call(Server, increment) end),
        Me ! served
    end,
    report("call_queued", Each * 100, timed(fun() ->
        [spawn_link(fun() -> Caller(Number =:= 1) end) || Number <- lists:seq(1, 100)],
        times(100, fun() -> receive served -> ok end end)
    end)),
    exit(Server, kill).

casts() ->
    {ok, Server} = gen_server:start(?MODULE, [], []),
    N = operations(400000),
    gen_server:call(Server, increment),
    report("cast", N, timed(fun() ->
        times(N, fun() -> gen_server:cast(Server, increment) end),
        gen_server:call(Server, increment, infinity)
    end)),
    exit(Server, kill).

ring() ->
    N = operations(1000000),
    Me = self(),
    First = spawn_link(fun() -> receive {next, Pid} -> member(Pid, Me) end end),
    Last = lists:foldl(fun(_, Next) -> spawn_link(?MODULE, member, [Next, Me]) end, First, lists:seq(1, 999)),
    First ! {next, Last},
    report("ring", N, timed(fun() -> Last ! N, receive done -> ok end end)),
    unlink(Last),
    exit(Last, kill).

member(Next, Me) ->
    receive
        0 -> Me ! done;
        Hops -> Next ! Hops - 1
    end,
    member(Next, Me).

spawns() ->
    Rounds = max(1, operations(100000) div 1000),
    Me = self(),
    report("spawn", Rounds * 1000, timed(fun() ->
        times(Rounds, fun() ->
            times(999, fun() -> spawn(fun() -> ok end) end),
            spawn(fun() -> Me ! ended end),
            receive ended -> ok end
        end)
    end)).

idle() ->
    N = operations(100000),
    Before = erlang:memory(total),
    {Took, Servers} = timed_value(fun() -> [element(2, gen_server:start(?MODULE, [], [])) || _ <- lists:seq(1, N)] end),
    Bytes = (erlang:memory(total) - Before) div N,
    report("idle_server", N, Took, Bytes),
    report("server_start", N, Took),
    end_all(Servers),
    BeforeWaiters = erlang:memory(total),
    {TookWaiters, Waiters} = timed_value(fun() -> [spawn(?MODULE, waiter, []) || _ <- lists:seq(1, N)] end),
    report("idle_coro", N, TookWaiters, (erlang:memory(total) - BeforeWaiters) div N),
    end_all(Waiters).

waiter() -> receive _ -> ok end.

end_all(Pids) ->
    Refs = [monitor(process, Pid) || Pid <- Pids],
    [exit(Pid, kill) || Pid <- Pids],
    [receive {'DOWN', Ref, _, _, _} -> ok end || Ref <- Refs],
    erlang:garbage_collect().

%% A new supervisor for every 100: OTP looks through its whole list of restarts at each.
restarts() ->
    Rounds = max(1, operations(3000) div 100),
    Kid = {?MODULE, start_kid, []},
    report("restart", Rounds * 100, timed(fun() ->
        times(Rounds, fun() ->
            {ok, Supervisor} = supervisor:start_link(?MODULE, {supervisor, Kid}),
            times(100, fun() -> Pid = whereis(kid), exit(Pid, kill), replaced(Pid) end),
            unlink(Supervisor),
            gen_server:stop(Supervisor)
        end)
    end)).

start_kid() -> gen_server:start_link({local, kid}, ?MODULE, [], []).

replaced(Old) ->
    case whereis(kid) of
        Pid when Pid =:= undefined; Pid =:= Old -> erlang:yield(), replaced(Old);
        _ -> ok
    end.

monitors() ->
    N = operations(10000),
    Pids = [spawn(?MODULE, waiter, []) || _ <- lists:seq(1, N)],
    erlang:yield(),
    [monitor(process, Pid) || Pid <- Pids],
    report("monitor", N, timed(fun() ->
        [Pid ! 1 || Pid <- Pids],
        times(N, fun() -> receive {'DOWN', _, _, _, _} -> ok end end)
    end)).

pairs() ->
    Each = max(1, operations(500000) div 1000),
    Me = self(),
    Partners = [spawn_link(?MODULE, echo, []) || _ <- lists:seq(1, 1000)],
    erlang:yield(),
    report("pairs", Each * 1000, timed(fun() ->
        [spawn_link(fun() ->
            Self = self(),
            times(Each, fun() -> Partner ! Self, receive _ -> ok end end),
            Me ! played
        end) || Partner <- Partners],
        times(1000, fun() -> receive played -> ok end end)
    end)),
    [begin unlink(Pid), exit(Pid, kill) end || Pid <- Partners].

echo() -> receive From -> From ! 1 end, echo().

pending() ->
    N = operations(10000),
    {ok, Desk} = gen_server:start(?MODULE, [], []),
    Me = self(),
    report("timers", N, timed(fun() ->
        times(N, fun() -> spawn(fun() -> gen_server:call(Desk, hold, 5000), Me ! answered end) end),
        all_held(Desk, N),
        gen_server:call(Desk, release),
        times(N, fun() -> receive answered -> ok end end)
    end)),
    exit(Desk, kill).

all_held(Desk, N) ->
    case gen_server:call(Desk, count) of
        N -> ok;
        _ -> erlang:yield(), all_held(Desk, N)
    end.

backlog() ->
    N = operations(100000),
    Me = self(),
    Reader = spawn_link(fun() -> receive go -> ok end, times(N, fun() -> receive _ -> ok end end), Me ! read end),
    erlang:yield(),
    report("backlog", N, timed(fun() -> [Reader ! I || I <- lists:seq(1, N)], Reader ! go, receive read -> ok end end)),
    {ok, Server} = gen_server:start(?MODULE, [], []),
    Calls = operations(10000),
    [Me ! I || I <- lists:seq(1, N)],
    report("backlog_call", Calls, timed(fun() -> times(Calls, fun() -> gen_server:call(Server, increment) end) end)),
    exit(Server, kill).

%% Erlang looks through the 1,000 each time: the measure of both selective workloads.
selective() ->
    N = operations(20000),
    Me = self(),
    [Me ! {other, I} || I <- lists:seq(1, 1000)],
    Took = timed(fun() -> times(N, fun() -> Me ! {tag, 1}, receive {tag, _} -> ok end end) end),
    report("selective", N, Took),
    report("selective_memo", N, Took).

%% The protocol

operations(N) ->
    Text = os:getenv("OTP_BENCH_SCALE", "1"),
    Scale = try list_to_float(Text) catch error:badarg -> float(list_to_integer(Text)) end,
    max(10, trunc(N * Scale)).

times(0, _) -> ok;
times(N, Work) -> Work(), times(N - 1, Work).

timed(Work) -> element(1, timed_value(Work)).

timed_value(Work) ->
    Begun = erlang:monotonic_time(nanosecond),
    Value = Work(),
    {erlang:monotonic_time(nanosecond) - Begun, Value}.

report(Name, N, Took) -> report(Name, N, Took, null).

report(Name, N, Took, Bytes) ->
    io:format(
        "{\"peer\": \"beam\", \"version\": \"OTP ~s ~s\", \"workload\": \"~s\", \"n\": ~w, \"seconds\": ~.6f, "
        "\"ns_per_op\": ~.1f, \"bytes_per_proc\": ~w}~n",
        [erlang:system_info(otp_release), erlang:system_info(emu_flavor), Name, N, Took / 1.0e9, Took / N, Bytes]).
