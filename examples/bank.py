"""A bank whose money survives the crash of an account.

The ledger keeps every payment, and a starting account reads its balance there, so accounts may crash one by one
(`one_for_one`). A new ledger is empty, so the accounts restart with it (`rest_for_one`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import otp
from otp import Children, From, GenServer, NoReply, Ok, Reply, Supervisor, impl

OPENING = {"ada": 100, "grace": 50}
Payment = tuple[str, str, int]  # payer, payee, amount


class Ledger(GenServer[tuple[Payment, ...]]):
    @impl
    def init(self, arg: Any):
        return Ok(())

    @impl
    def handle_call(self, request: Any, caller: From, state: tuple[Payment, ...]):
        match request:
            case ("statement", owner):
                paid = sum(amount for payer, _, amount in state if payer == owner)
                received = sum(amount for _, payee, amount in state if payee == owner)
                return Reply((OPENING[owner] + received - paid, len(state)), state)
            case ("book", payer, payee, amount):
                GenServer.cast(payee, ("received", amount, len(state) + 1))
                return Reply("booked", (*state, (payer, payee, amount)))


class Balance(NamedTuple):
    owner: str
    money: int
    seen: int  # how many payments of the ledger are counted in


class Account(GenServer[Balance]):
    """The money of one owner; only this process spends it, so it cannot be spent twice."""

    @impl
    async def init(self, arg: str):
        return Ok(Balance(arg, *await GenServer.call("ledger", ("statement", arg))))

    @impl
    async def handle_call(self, request: Any, caller: From, state: Balance):
        match request:
            case "balance":
                return Reply(state.money, state)
            case ("pay", _, amount) if amount > state.money:
                return Reply("too little money", state)
            case ("pay", payee, amount):
                await GenServer.call("ledger", ("book", state.owner, payee, amount))
                return Reply("paid", state._replace(money=state.money - amount))

    @impl
    def handle_cast(self, request: Any, state: Balance):
        match request:
            case ("received", amount, number) if number > state.seen:
                return NoReply(state._replace(money=state.money + amount, seen=number))
            case ("received", _, _):  # counted when this account asked for its statement
                return NoReply(state)


class Accounts(Supervisor):
    @impl
    def init(self, arg: Any):
        return Children([Account.child_spec(owner, id=owner, name=owner) for owner in OPENING])


class Bank(Supervisor):
    @impl
    def init(self, arg: Any):
        accounts = Accounts.child_spec(name="accounts")
        return Children([Ledger.child_spec(name="ledger"), accounts], strategy="rest_for_one")


async def show(when: str) -> None:
    await Supervisor.which_children("bank")  # supervisors answer when their restarts are done
    await Supervisor.which_children("accounts")
    print(f"{when}:", {owner: await GenServer.call(owner, "balance") for owner in OPENING})


async def main() -> None:
    await Bank.start_link(None, name="bank")
    await show("the bank opens")
    print("ada pays grace 30:", await GenServer.call("ada", ("pay", "grace", 30)))
    print("ada pays grace 500:", await GenServer.call("ada", ("pay", "grace", 500)))
    otp.exit("ada", "kill")
    await show("the account of ada was lost, her money was not")
    otp.exit("ledger", "kill")
    await show("the ledger was lost, and all accounts with it")


if __name__ == "__main__":
    otp.run(main)
