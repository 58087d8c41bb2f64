%% Plays scenarios of test_state_machine_recorded.py on Erlang's own gen_statem and writes what its callbacks saw.
%% A scenario is {Id, StateEnter, InitActions, Script, Inputs}: the n-th call of a callback returns the n-th verdict of
%% the script, round and round; after 60 of them the machine does nothing any more.
-module(gen_statem_player).
-behaviour(gen_statem).
-export([main/1, init/1, callback_mode/0, handle_event/4, terminate/3]).

callback_mode() ->
    case get(enter) of
        true -> [handle_event_function, state_enter];
        false -> handle_event_function
    end.

init({Log, Enter, Actions, Script}) ->
    put(log, Log),
    put(enter, Enter),
    put(script, list_to_tuple(Script)),
    put(calls, 0),
    put(callers, []),
    put(known, []),
    {ok, a, 0, actions(Actions)}.

handle_event(Type, Content, State, Data) ->
    N = put(calls, get(calls) + 1),
    case Type of
        {call, From} -> asked(From, get(known)), say({call, Content, State, Data});
        _ -> say({Type, Content, State, Data})
    end,
    Script = get(script),
    case N >= 60 of
        true -> keep_state_and_data;
        false -> verdict(element(1 + N rem tuple_size(Script), Script), Type, State, N)
    end.

%% A postponed call comes again; its caller is answered once.
asked(From, Known) ->
    case lists:member(From, Known) of
        true -> ok;
        false -> put(known, [From | Known]), put(callers, get(callers) ++ [From])
    end.

verdict({next, Other, Actions}, enter, State, N) when Other =/= State -> {keep_state, N, allowed(enter, Actions)};
verdict({next, Next, Actions}, Type, _, N) -> {next_state, Next, N, allowed(Type, Actions)};
verdict({keep, Actions}, Type, _, N) -> {keep_state, N, allowed(Type, Actions)};
verdict({keep_data, Actions}, Type, _, _) -> {keep_state_and_data, allowed(Type, Actions)};
verdict({repeat, Actions}, Type, _, N) -> {repeat_state, N, allowed(Type, Actions)};
verdict({repeat_data, Actions}, Type, _, _) -> {repeat_state_and_data, allowed(Type, Actions)};
verdict(stop, _, _, _) -> {stop, why};
verdict(wrong_result, _, _, _) -> wrong;
verdict(wrong_action, _, _, _) -> {next_state, a, 77, [wrong]};
verdict(wrong_in_enter, _, _, N) -> {keep_state, N, [postpone]}.

allowed(enter, Actions) -> actions([A || A <- Actions, element(1, A) =/= postpone, element(1, A) =/= next_event]);
allowed(_, Actions) -> actions(Actions).

actions(Actions) -> lists:flatmap(fun action/1, Actions).

action({reply, Value}) ->
    case get(callers) of
        [] -> [];
        [From | Others] -> put(callers, Others), [{reply, From, Value}]
    end;
action({timer, Type, cancel, _}) -> [{Type, cancel}];
action({timer, Type, Time, Content}) -> [{Type, Time, Content}];
action({postpone}) -> [postpone];
action({no_postpone}) -> [{postpone, false}];
action({hibernate}) -> [hibernate];
action(Action) -> [Action].

terminate(Reason, State, Data) -> say({terminate, Reason, State, Data}).

say(Entry) -> get(log) ! {log, Entry}.

heard() ->
    receive
        {log, Entry} -> [Entry | heard()];
        {'DOWN', _, _, _, _} -> heard();
        {_Call, Value} -> [{reply, Value} | heard()]
    after 0 -> []
    end.

play({Id, Enter, Actions, Script, Inputs}) ->
    {ok, Machine} = gen_statem:start(?MODULE, {self(), Enter, Actions, Script}, []),
    Monitor = monitor(process, Machine),
    lists:foreach(
      fun({cast, X}) -> gen_statem:cast(Machine, X);
         ({info, X}) -> Machine ! X;
         ({call, X}) -> gen_statem:send_request(Machine, X)
      end, Inputs),
    (catch sys:get_state(Machine)),
    demonitor(Monitor, [flush]),
    Log = heard(),
    exit(Machine, kill),
    {Id, Log}.

main([Scenarios, Out]) ->
    logger:set_primary_config(level, none),
    {ok, Cases} = file:consult(Scenarios),
    {ok, File} = file:open(Out, [write]),
    lists:foreach(fun(Case) -> {Id, Log} = play(Case), io:format(File, "~p ~w~n", [Id, Log]) end, Cases),
    file:close(File).
