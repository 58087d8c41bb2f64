%% Plays scenarios on Erlang/OTP and writes down what happened.
%%
%% In:  one Erlang term per scenario, `#{id => Binary, steps => [Step]}.` (the corpus' JSON with atoms for keys).
%% Out: one JSON object per scenario, in the same order: the trace of every step and the state at the end.
%%
%% A scenario has a driver of its own. It hands a step to the process that is to execute it, and goes on when nothing
%% moves any more: every process of the scenario waits, three looks in a row, and nobody logged anything in between.
-module(judge).
-behaviour(gen_server).
-export([main/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, terminate/2, start_node/2, start_node/3]).

-record(world, {table, driver, slot, hurry}).
-record(server, {world, name, spec, held = #{}}).

%%% All scenarios, some at a time

main([In, Out, Hurry]) ->
    %% Loaded before anything runs: who waits for the code server would look idle.
    [code:ensure_loaded(M) || App <- [kernel, stdlib], {ok, Ms} <- [application:get_key(App, modules)], M <- Ms],
    ok = logger:set_primary_config(level, none),
    {ok, Scenarios} = file:consult(In),
    Next = atomics:new(1, []),
    Given = list_to_tuple(Scenarios),
    Self = self(),
    [spawn_link(fun() -> worker(Self, Slot, Next, Given, Hurry =:= "hurry") end) || Slot <- lists:seq(1, 32)],
    Lines = [receive {played, I, Line} -> [Line, $\n] end || I <- lists:seq(1, tuple_size(Given))],
    ok = file:write_file(Out, Lines).

worker(Parent, Slot, Next, Given, Hurry) ->
    case atomics:add_get(Next, 1, 1) of
        I when I =< tuple_size(Given) ->
            {Pid, Ref} = spawn_monitor(fun() -> exit({line, iolist_to_binary(play(Slot, element(I, Given), Hurry))}) end),
            receive
                {'DOWN', Ref, process, Pid, {line, Line}} -> Parent ! {played, I, Line};
                {'DOWN', Ref, process, Pid, Why} -> Parent ! {played, I, [<<"{\"error\":">>, text(Why), $}]}
            end,
            worker(Parent, Slot, Next, Given, Hurry);
        _ -> ok
    end.

text(Term) -> json(unicode:characters_to_binary(io_lib:format("~0P", [Term, 30]))).

%%% The driver of one scenario

play(Slot, #{steps := Steps}, Hurry) ->
    Table = ets:new(world, [ordered_set, public]),
    W = #world{table = Table, driver = self(), slot = Slot, hurry = Hurry},
    ets:insert(Table, {clock, 0}),
    actor(W, <<"main">>, true, fun erlang:spawn/1, none),
    settle(W, []),
    taken(W),
    Traces = [begin settle(W, given(W, Step)), taken(W) end || Step <- Steps],
    Final = final(W),
    finish(W),
    [<<"{\"expected\":[">>, lists:join($,, Traces), <<"],\"final\":">>, Final, $}].

%% Hand the step over; what comes back is waited for.
given(W, Step) ->
    Name = maps:get(by, Step, <<"main">>),
    case found(W, Name) of
        none -> note(W, {procs, Name}, {skip, unknown}), [];
        Pid ->
            case is_process_alive(Pid) of
                false -> note(W, {procs, Name}, {skip, dead}), [];
                true ->
                    Ref = make_ref(),
                    Pid ! {'$step', self(), Ref, Step},
                    [{Ref, Pid} || not maps:get(async, Step, false)]
            end
    end.

settle(W, Awaited) -> settle(W, Awaited, {clock(W), 0}, 0).

settle(_, _, _, 20000) -> exit(never_idle);
settle(W, Awaited, {Clock, Still} = Seen, Looks) ->
    receive
        {entered, Pid, Ref} ->
            erlang:monitor(process, Pid),
            Pid ! {go_on, Ref},
            settle(W, Awaited, {clock(W), 0}, Looks);
        {'DOWN', _, process, Pid, Reason} ->
            ets:delete(W#world.table, {here, Pid}),
            note(W, {exits, strand(W, Pid)}, {name(W, Pid), Reason}),
            settle(W, [A || {_, P} = A <- Awaited, P =/= Pid], {clock(W), 0}, Looks);
        {done, Ref} -> settle(W, lists:keydelete(Ref, 1, Awaited), {clock(W), 0}, Looks)
    after 1 ->
        case Awaited =:= [] andalso lists:all(fun waits/1, here(W)) andalso clock(W) of
            Clock when Still >= 2 -> ok;
            Clock -> settle(W, Awaited, {Clock, Still + 1}, Looks + 1);
            false -> settle(W, Awaited, Seen, Looks + 1);
            Later -> settle(W, Awaited, {Later, 0}, Looks + 1)
        end
    end.

%% A process that waits has looked through its mailbox: whatever lies there is not what it waits for.
waits(Pid) -> process_info(Pid, status) =:= {status, waiting}.

here(#world{table = T}) -> [P || [P] <- ets:match(T, {{here, '$1'}, '_'})].

clock(#world{table = T}) -> ets:lookup_element(T, clock, 2).

final(W) ->
    Alive = lists:sort([name(W, P) || P <- here(W)]),
    Mine = "@" ++ integer_to_list(W#world.slot),
    Names = [{bare(N), name(W, P)} || N <- lists:sort(registered()), lists:suffix(Mine, atom_to_list(N)),
                                      P <- [whereis(N)], is_pid(P)],
    [<<"{\"alive\":">>, json(Alive), <<",\"registered\":">>, json(maps:from_list(Names)), $}].

finish(W) ->
    case here(W) of
        [] -> ok;
        Left ->
            [exit(P, kill) || P <- Left],
            receive
                {'DOWN', _, process, P, _} -> ets:delete(W#world.table, {here, P});
                {entered, P, Ref} -> erlang:monitor(process, P), P ! {go_on, Ref};
                _ -> ok
            after 5 -> ok
            end,
            finish(W)
    end.

%%% The log

note(#world{table = T}, Section, Event) ->
    ets:insert(T, {{event, ets:update_counter(T, clock, 1)}, Section, Event}).

taken(W = #world{table = T}) ->
    Events = ets:match(T, {{event, '_'}, '$1', '$2'}),
    ets:match_delete(T, {{event, '_'}, '_', '_'}),
    Life = [shown(W, life, E) || [life, E] <- Events],
    json_object([{<<"life">>, list(Life)} || Life =/= []] ++
                [{Part, Shown} || {Key, Part} <- [{procs, <<"procs">>}, {exits, <<"exits">>}],
                                  Shown <- [by_name(W, Key, Events)], Shown =/= none]).

by_name(W, Key, Events) ->
    case lists:usort([N || [{K, N}, _] <- Events, K =:= Key]) of
        [] -> none;
        Names -> json_object([{N, list([shown(W, Key, E) || [S, E] <- Events, S =:= {Key, N}])} || N <- Names])
    end.

shown(W, life, {terminate, Name, Reason}) -> list([json(<<"terminate">>), json(Name), term(W, Reason)]);
shown(_, life, {init, Name, Behaviour}) -> list([json(<<"init">>), json(Name), json(Behaviour)]);
shown(W, exits, {Name, Reason}) -> list([json(Name), term(W, Reason)]);
shown(W, procs, {ret, Op, Value}) -> list([json(<<"ret">>), json(Op), term(W, Value)]);
shown(W, procs, {exc, Op, Class, Reason}) -> list([json(<<"exc">>), json(Op), json(atom_to_binary(Class)), term(W, Reason)]);
shown(_, procs, {skip, Why}) -> list([json(<<"skip">>), json(atom_to_binary(Why))]);
shown(_, procs, timeout) -> list([json(<<"timeout">>)]);
shown(W, procs, {Kind, Message}) -> list([json(atom_to_binary(Kind)), term(W, Message)]).

%%% Who is who

%% Called by a process of the scenario about itself: it has a name, and the driver its monitor, before it goes on.
enter(W = #world{table = T}, Key, Kind, Strand) ->
    Number = ets:update_counter(T, {count, Key}, 1, {{count, Key}, 0}),
    Name = if Kind =:= actor, Number =:= 1 -> Key; true -> <<Key/binary, $#, (integer_to_binary(Number))/binary>> end,
    Own = case Strand of {Sup, false} -> Sup; _ -> Name end,
    ets:insert(T, [{{name, self()}, Name}, {{pid, Name}, self()}, {{latest, Key}, self()}, {{strand, self()}, Own},
                   {{here, self()}, true}]),
    Ref = make_ref(),
    W#world.driver ! {entered, self(), Ref},
    receive {go_on, Ref} -> {Name, Number} end.

found(#world{table = T}, Key) ->
    case ets:lookup(T, {pid, Key}) ++ ets:lookup(T, {latest, Key}) of
        [{_, Pid} | _] -> Pid;
        [] -> none
    end.

name(#world{table = T}, Pid) ->
    case ets:lookup(T, {name, Pid}) of [{_, Name}] -> Name; [] -> <<"?">> end.

strand(W = #world{table = T}, Pid) ->
    case ets:lookup(T, {strand, Pid}) of [{_, Strand}] -> Strand; [] -> name(W, Pid) end.

%% A key nobody started stands for a dead process.
dest(W, #{name := Name}) -> atom(W, Name);
dest(W = #world{table = T}, Key) ->
    case found(W, Key) of
        none ->
            {Pid, Ref} = spawn_monitor(fun() -> ok end),
            receive {'DOWN', Ref, process, Pid, _} -> ok end,
            Name = <<Key/binary, "#0">>,
            ets:insert(T, [{{name, Pid}, Name}, {{pid, Name}, Pid}, {{latest, Key}, Pid}]),
            Pid;
        Pid -> Pid
    end.

only_pid(W, To) -> case dest(W, To) of Name when is_atom(Name) -> whereis(Name); Pid -> Pid end.

atom(#world{slot = Slot}, Name) -> binary_to_atom(<<Name/binary, $@, (integer_to_binary(Slot))/binary>>).

bare(Atom) -> hd(binary:split(atom_to_binary(Atom), <<"@">>)).

label(#world{table = T}, Op, Ref) ->
    Label = maps:get(label, Op, <<"m">>),
    ets:insert(T, [{{ref, Label}, Ref}, {{label, Ref}, Label}]).

%%% Plain processes

actor(W, Key, Trap, Spawn, Strand) ->
    Starter = self(),
    Ready = make_ref(),
    Made = Spawn(fun() ->
        process_flag(trap_exit, Trap),
        {Name, _} = enter(W, Key, actor, Strand),
        Strand =:= none orelse note(W, life, {init, Name, <<"ok">>}),
        Starter ! {ready, Ready},
        acting(W, Name)
    end),
    %% The driver starts main itself, and nobody else could answer its `entered`.
    receive
        {ready, Ready} -> ok;
        {entered, Pid, Ref} when Starter =:= W#world.driver -> erlang:monitor(process, Pid), Pid ! {go_on, Ref}
    end,
    Made.

acting(W, Name) ->
    receive
        {'$step', _, _, #{op := <<"exit_self">>} = Step} -> finish_as(W, Step);
        {'$step', Driver, Ref, Step} ->
            perform(W, Name, Step),
            Driver ! {done, Ref},
            acting(W, Name);
        #{die := Reason} = Command -> finish_as(W, Command#{reason => Reason});
        Message ->
            note(W, {procs, Name}, {msg, Message}),
            acting(W, Name)
    end.

finish_as(W, Step) ->
    Reason = value(W, maps:get(reason, Step, <<":normal">>)),
    case maps:get(class, Step, <<"exit">>) of
        <<"exit">> -> exit(Reason);
        <<"error">> -> erlang:error(Reason);
        <<"throw">> -> throw(Reason);
        <<"return">> -> ok
    end.

perform(W, Name, Step = #{op := Op}) ->
    hurry(W),
    try operation(Op, W, Step) of
        Value -> note(W, {procs, Name}, {ret, Op, Value})
    catch
        Class:Reason -> note(W, {procs, Name}, {exc, Op, Class, Reason})
    end.

%% In a hurried run everybody dawdles at random, so that orders nobody promised show themselves.
hurry(#world{hurry = false}) -> ok;
hurry(_) ->
    [erlang:yield() || _ <- lists:seq(1, rand:uniform(12))],
    rand:uniform(4) > 1 orelse lists:sum([X * X || X <- lists:seq(1, rand:uniform(3000))]),
    ok.

%%% Operations

operation(<<"spawn">>, W, #{as := Key} = Op) ->
    Spawn = case maps:get(mode, Op, <<"plain">>) of
                <<"plain">> -> fun erlang:spawn/1;
                <<"link">> -> fun erlang:spawn_link/1;
                <<"monitor">> -> fun erlang:spawn_monitor/1
            end,
    case actor(W, Key, maps:get(trap, Op, false), Spawn, none) of
        {_, Ref} = Both -> label(W, Op, Ref), Both;
        Pid -> Pid
    end;
operation(<<"exit_signal">>, W, #{to := To, reason := R}) -> exit(only_pid(W, To), value(W, R));
operation(<<"link">>, W, #{to := To}) -> link(only_pid(W, To));
operation(<<"unlink">>, W, #{to := To}) -> unlink(only_pid(W, To));
operation(<<"monitor">>, W, #{to := To} = Op) ->
    Ref = erlang:monitor(process, dest(W, To)),
    label(W, Op, Ref),
    Ref;
operation(<<"demonitor">>, #world{table = T}, #{label := Label} = Op) ->
    erlang:demonitor(ets:lookup_element(T, {ref, Label}, 2), [binary_to_atom(O) || O <- maps:get(opts, Op, [])]);
operation(<<"trap">>, _, #{on := On}) -> process_flag(trap_exit, On);
operation(<<"send">>, W, #{to := To, msg := M}) -> dest(W, To) ! value(W, M);
operation(<<"register">>, W, #{name := N, to := To}) -> register(atom(W, N), dest(W, To));
operation(<<"unregister">>, W, #{name := N}) -> unregister(atom(W, N));
operation(<<"whereis">>, W, #{name := N}) -> whereis(atom(W, N));
operation(<<"is_alive">>, W, #{to := To}) -> is_process_alive(dest(W, To));
operation(<<"process_info">>, W, #{to := To, item := Item}) ->
    case process_info(dest(W, To), binary_to_atom(Item)) of
        {monitors, Found} -> {monitors, [F || {_, F} <- lists:sort([{watched(W, F), F} || F <- Found])]};
        {Several, Found} when is_list(Found), Several =/= registered_name ->
            {Several, [P || {N, P} <- lists:sort([{name(W, P), P} || P <- Found, is_pid(P)]), N =/= <<"?">>]};
        Other -> Other
    end;
operation(<<"start_server">>, W, #{spec := Spec0} = Op) ->
    Spec = Spec0#{key => maps:get(as, Op)},
    Start = case maps:get(mode, Op, <<"link">>) of
                <<"link">> -> start_link; <<"nolink">> -> start; <<"monitor">> -> start_monitor
            end,
    Options = [{timeout, T} || #{timeout := T} <- [Op]],
    Made = case Spec of
               #{name := N} -> gen_server:Start({local, atom(W, N)}, ?MODULE, {server, W, Spec, none}, Options);
               _ -> gen_server:Start(?MODULE, {server, W, Spec, none}, Options)
           end,
    case Made of {ok, {_, Ref}} -> label(W, Op, Ref); _ -> ok end,
    Made;
operation(<<"call">>, W, #{to := To, msg := M, timeout := T}) -> gen_server:call(dest(W, To), value(W, M), value(W, T));
operation(<<"call">>, W, #{to := To, msg := M}) -> gen_server:call(dest(W, To), value(W, M));
operation(<<"cast">>, W, #{to := To, msg := M}) -> gen_server:cast(dest(W, To), value(W, M));
operation(<<"stop">>, W, #{to := To, reason := R} = Op) ->
    gen_server:stop(dest(W, To), value(W, R), value(W, maps:get(timeout, Op, <<":infinity">>)));
operation(<<"stop">>, W, #{to := To}) -> gen_server:stop(dest(W, To));
operation(<<"sys_suspend">>, W, #{to := To}) -> sys:suspend(only_pid(W, To));
operation(<<"sys_resume">>, W, #{to := To}) -> sys:resume(only_pid(W, To));
operation(<<"start_sup">>, W, #{spec := Spec, as := Key}) -> start_sup(W, Spec#{key => Key}, none);
operation(<<"start_child">>, W, #{sup := Sup, child := Child}) ->
    Pid = dest(W, Sup),
    supervisor:start_child(Pid, child_spec(W, Child, {name(W, only_pid(W, Sup)), false}));
operation(<<"start_child">>, W, #{sup := Sup, args := Args}) -> supervisor:start_child(dest(W, Sup), Args);
operation(<<"terminate_child">>, W, Op) -> supervisor:terminate_child(dest(W, maps:get(sup, Op)), child_id(W, Op));
operation(<<"restart_child">>, W, Op) -> supervisor:restart_child(dest(W, maps:get(sup, Op)), child_id(W, Op));
operation(<<"delete_child">>, W, Op) -> supervisor:delete_child(dest(W, maps:get(sup, Op)), child_id(W, Op));
operation(<<"get_childspec">>, W, Op) ->
    case supervisor:get_childspec(dest(W, maps:get(sup, Op)), child_id(W, Op)) of
        {ok, Spec} -> {ok, [{K, V} || K <- [id, restart, significant, shutdown, type], #{K := V} <- [Spec]]};
        Error -> Error
    end;
operation(<<"which_children">>, W, #{sup := Sup}) ->
    case [{Id, Pid, Type} || {Id, Pid, Type, _} <- supervisor:which_children(dest(W, Sup))] of
        [{undefined, _, _} | _] = Dynamic ->
            [C || {_, C} <- lists:sort([{child_name(W, P), C} || {_, P, _} = C <- Dynamic])];
        Ordinary -> Ordinary
    end;
operation(<<"count_children">>, W, #{sup := Sup}) -> supervisor:count_children(dest(W, Sup)).

child_id(W, #{pid := Key}) -> dest(W, Key);
child_id(_, #{id := Id}) -> binary_to_atom(Id).

child_name(W, Pid) when is_pid(Pid) -> name(W, Pid);
child_name(_, Other) -> atom_to_binary(Other).

watched(W, {process, Pid}) when is_pid(Pid) -> name(W, Pid);
watched(_, {process, {Name, _}}) -> bare(Name).

%%% Supervision trees

start_sup(W, Spec, Owner) ->
    case Spec of
        #{name := N} -> supervisor:start_link({local, atom(W, N)}, ?MODULE, {supervisor, W, Spec, Owner});
        _ -> supervisor:start_link(?MODULE, {supervisor, W, Spec, Owner})
    end.

child_spec(W, #{id := Id} = Child, Owner) ->
    Start = maps:merge(#{key => Id}, maps:get(start, Child, #{})),
    Rest = maps:map(fun(_, V) when is_binary(V) -> binary_to_atom(V); (_, V) -> V end, maps:without([start], Child)),
    Rest#{start => {?MODULE, start_node, [W, Start, Owner]}}.

%% The start function of a template gets what start_child gave it as its last argument.
start_node({W, Template, Owner}, Overrides) -> start_node(W, maps:merge(Template, Overrides), Owner).

start_node(W, #{kind := <<"sup">>} = Spec, Owner) -> start_sup(W, Spec, Owner);
start_node(W, #{kind := <<"actor">>, key := Key} = Spec, Owner) ->
    {ok, actor(W, Key, maps:get(trap, Spec, false), fun erlang:spawn_link/1, Owner)};
start_node(W, Spec, Owner) ->
    Made = case Spec of
               #{name := N} -> gen_server:start_link({local, atom(W, N)}, ?MODULE, {server, W, Spec, Owner}, []);
               _ -> gen_server:start_link(?MODULE, {server, W, Spec, Owner}, [])
           end,
    case {Made, Spec} of
        {{ok, Pid}, #{extra := Extra}} -> {ok, Pid, value(W, Extra)};
        _ -> Made
    end.

%%% Callbacks

init({supervisor, W, Spec, Owner}) ->
    {Name, Number} = enter(W, maps:get(key, Spec), supervisor, Owner),
    Behaviour = nth(Number, maps:get(init, Spec, [<<"ok">>])),
    hurry(W),
    note(W, life, {init, Name, Behaviour}),
    Flags = maps:map(fun(_, V) when is_binary(V) -> binary_to_atom(V); (_, V) -> V end,
                     maps:with([strategy, intensity, period, auto_shutdown], Spec)),
    Dynamic = maps:get(strategy, Flags, one_for_one) =:= simple_one_for_one,
    Children = [child_spec(W, C, {Name, Dynamic}) || C <- maps:get(children, Spec, [])],
    case Behaviour of
        <<"ok">> when Dynamic ->
            [#{start := {M, F, [_, Template, Own]}} = Child] = Children,
            {ok, {Flags, [Child#{start := {M, F, [{W, Template, Own}]}}]}};
        <<"ok">> -> {ok, {Flags, Children}};
        _ -> begun(Behaviour, W, none)
    end;
init({server, W, Spec, Owner}) ->
    {Name, Number} = enter(W, maps:get(key, Spec), server, Owner),
    process_flag(trap_exit, maps:get(trap, Spec, false)),
    Behaviour = nth(Number, maps:get(init, Spec, [<<"ok">>])),
    hurry(W),
    note(W, life, {init, Name, Behaviour}),
    begun(Behaviour, W, #server{world = W, name = Name, spec = Spec}).

nth(N, List) -> lists:nth(min(N, length(List)), List).

begun(<<"ok">>, _, State) -> {ok, State};
begun(<<"ignore">>, _, _) -> ignore;
begun(<<"hibernate">>, _, State) -> {ok, State, hibernate};
begun(#{timeout := Ms}, _, State) -> {ok, State, Ms};
begun(#{continue := Term}, W, State) -> {ok, State, {continue, value(W, Term)}};
begun(#{stop := R}, W, _) -> {stop, value(W, R)};
begun(#{bad := V}, W, _) -> value(W, V);
begun(Raising, W, _) -> raised(Raising, W).

raised(#{exit := R}, W) -> exit(value(W, R));
raised(#{error := R}, W) -> erlang:error(value(W, R));
raised(#{throw := R}, W) -> throw(value(W, R)).

handle_call(Message, From, S = #server{world = W, name = Name}) ->
    hurry(W),
    note(W, {procs, Name}, {call, Message}),
    answered(Message, From, S).

answered(#{early := E} = C, From, S = #server{world = W}) ->
    gen_server:reply(From, value(W, E)),
    case C of
        #{reply := V} -> {reply, value(W, V), S};
        _ -> obeyed(maps:remove(early, C), S)
    end;
answered(#{reply := V} = C, _, S = #server{world = W}) ->
    Reply = value(W, V),
    case C of
        #{timeout := T} -> {reply, Reply, S, T};
        #{continue := Term} -> {reply, Reply, S, {continue, value(W, Term)}};
        #{hibernate := true} -> {reply, Reply, S, hibernate};
        #{stop := R} -> {stop, value(W, R), Reply, S};
        #{throw := true} -> throw({reply, Reply, S});
        _ -> {reply, Reply, S}
    end;
answered(#{hold := Tag}, From, S = #server{held = Held}) -> {noreply, S#server{held = Held#{Tag => From}}};
answered(#{ops := Ops} = C, From, S = #server{world = W, name = Name}) ->
    [perform(W, Name, Op) || Op <- Ops],
    answered(maps:get(then, C, #{reply => <<":ok">>}), From, S);
answered(C, _, S) when is_map(C) -> obeyed(C, S);
answered(_, _, S) -> {reply, ok, S}.

handle_cast(Message, S = #server{world = W, name = Name}) ->
    hurry(W),
    note(W, {procs, Name}, {cast, Message}),
    obeyed(Message, S).

handle_info({'$step', Driver, Ref, Step}, S = #server{world = W, name = Name}) ->
    perform(W, Name, Step),
    Driver ! {done, Ref},
    {noreply, S};
handle_info(timeout, S = #server{world = W, name = Name}) ->
    note(W, {procs, Name}, timeout),
    {noreply, S};
handle_info(Message, S = #server{world = W, name = Name}) ->
    hurry(W),
    note(W, {procs, Name}, {info, Message}),
    obeyed(Message, S).

handle_continue(Term, S = #server{world = W, name = Name}) ->
    note(W, {procs, Name}, {continue, Term}),
    obeyed(Term, S).

obeyed(#{ops := Ops} = C, S = #server{world = W, name = Name}) ->
    [perform(W, Name, Op) || Op <- Ops],
    obeyed(maps:get(then, C, nothing), S);
obeyed(#{release := Tag} = C, S = #server{world = W, held = Held}) ->
    case maps:take(Tag, Held) of
        {From, Rest} ->
            gen_server:reply(From, value(W, maps:get(value, C, <<":ok">>))),
            {noreply, S#server{held = Rest}};
        error -> {noreply, S}
    end;
obeyed(#{stop := R}, S = #server{world = W}) -> {stop, value(W, R), S};
obeyed(#{bad := V}, #server{world = W}) -> value(W, V);
obeyed(#{timeout := T}, S) -> {noreply, S, T};
obeyed(#{continue := Term}, S = #server{world = W}) -> {noreply, S, {continue, value(W, Term)}};
obeyed(#{hibernate := true}, S) -> {noreply, S, hibernate};
obeyed(#{exit := _} = C, #server{world = W}) -> raised(C, W);
obeyed(#{error := _} = C, #server{world = W}) -> raised(C, W);
obeyed(#{throw := _} = C, #server{world = W}) -> raised(C, W);
obeyed(_, S) -> {noreply, S}.

terminate(Reason, #server{world = W, name = Name, spec = Spec}) ->
    hurry(W),
    note(W, life, {terminate, Name, Reason}),
    case maps:get(terminate, Spec, <<"ok">>) of
        <<"ok">> -> ok;
        #{ops := Ops} -> [perform(W, Name, Op) || Op <- Ops];
        Raising -> raised(Raising, W)
    end.

%%% Terms of the scenario

value(_, <<$:, Atom/binary>>) -> binary_to_atom(Atom);
value(W, #{t := Elements}) -> list_to_tuple([value(W, E) || E <- Elements]);
value(W, #{pid := Key}) -> dest(W, Key);
value(W, #{name := Name}) -> atom(W, Name);
value(_, #{self := _}) -> self();
value(_, #{cmd := Command}) -> Command;
value(W, List) when is_list(List) -> [value(W, E) || E <- List];
value(_, Plain) -> Plain.

%%% Terms of Erlang

term(W, Pid) when is_pid(Pid) -> json(#{pid => name(W, Pid)});
term(#world{table = T}, Ref) when is_reference(Ref) ->
    json(#{ref => case ets:lookup(T, {label, Ref}) of [{_, L}] -> L; [] -> <<"?">> end});
term(_, Node) when Node =:= node() -> json(#{opaque => <<"node">>});
term(_, Atom) when is_atom(Atom) -> json(<<$:, (bare(Atom))/binary>>);
term(_, Plain) when is_number(Plain); is_binary(Plain) -> json(Plain);
term(_, Function) when is_function(Function) -> json(#{opaque => <<"fun">>});
term(_, {?MODULE, start_node, _}) -> json(#{opaque => <<"mfa">>});
term(W, Tuple) when is_tuple(Tuple) -> json_object([{<<"t">>, list([term(W, E) || E <- tuple_to_list(Tuple)])}]);
term(_, [?MODULE]) -> json(#{opaque => <<"modules">>});
term(_, [alias | _]) -> json(#{opaque => <<"tag">>});
term(W, List) when is_list(List) ->
    case List =/= [] andalso lists:all(fun frame/1, List) of
        true -> json(#{stack => true});
        false -> list([term(W, E) || E <- List])
    end;
term(_, #{start := _}) -> json(#{opaque => <<"childspec">>});
term(_, Command) when is_map(Command) -> json(#{cmd => Command}).

frame({M, F, A, Where}) when is_atom(M), is_atom(F), (is_integer(A) orelse is_list(A)), is_list(Where) -> true;
frame(_) -> false.

%%% JSON

list(Parts) -> [$[, lists:join($,, Parts), $]].

json_object(Pairs) -> [${, lists:join($,, [[json(K), $:, V] || {K, V} <- Pairs]), $}].

json(true) -> <<"true">>;
json(false) -> <<"false">>;
json(Atom) when is_atom(Atom) -> json(atom_to_binary(Atom));
json(Number) when is_integer(Number) -> integer_to_binary(Number);
json(Text) when is_binary(Text) ->
    [$", [[if C =:= $"; C =:= $\\ -> [$\\, C]; C < 32 -> $\s; true -> C end] || <<C>> <= Text], $"];
json(List) when is_list(List) -> list([json(E) || E <- List]);
json(Map) when is_map(Map) -> json_object([{K, json(V)} || {K, V} <- lists:sort(maps:to_list(Map))]).
