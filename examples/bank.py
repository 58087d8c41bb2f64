"""A bank whose money survives the crash of an account.

The ledger knows every payment; an account keeps the balance of one owner and reads it from the
ledger whenever it starts. So an account may crash alone (`one_for_one`), but without their ledger
accounts would show money that nobody wrote down: what comes after it starts anew with it
(`rest_for_one`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, ServerDown, Supervisor, impl

OPENING = {"ada": 100, "grace": 50}


class Payment(NamedTuple):
    payer: str
    payee: str
    amount: int


class Ledger(GenServer[tuple[Payment, ...]]):
    """All payments, in order."""

    @impl
    def init(self, arg: object):
        return Ok(())

    @impl
    def handle_call(self, request: Any, caller: otp.From, payments: tuple[Payment, ...]):
        match request:
            case ("statement", owner):
                balance = OPENING[owner] + sum(
                    p.amount if p.payee == owner else -p.amount for p in payments if owner in (p.payer, p.payee)
                )
                return Reply((balance, len(payments)), payments)
            case ("book", Payment() as payment):
                payments = (*payments, payment)
                GenServer.cast(payment.payee, ("received", payment.amount, len(payments)))
                return Reply("booked", payments)


class Balance(NamedTuple):
    owner: str
    money: int
    seen: int  # payments of the ledger that are counted already


class Account(GenServer[Balance]):
    """The money of one owner. Only this process spends it, so two payments cannot spend it twice."""

    @impl
    async def init(self, owner: str):
        return Ok(Balance(owner, *await GenServer.call("ledger", ("statement", owner))))

    @impl
    async def handle_call(self, request: Any, caller: otp.From, state: Balance):
        match request:
            case "balance":
                return Reply(state.money, state)
            case ("pay", payee, amount) if amount > state.money:
                return Reply("insufficient funds", state)
            case ("pay", payee, amount):
                await GenServer.call("ledger", ("book", Payment(state.owner, payee, amount)))
                return Reply("paid", state._replace(money=state.money - amount))

    @impl
    def handle_cast(self, request: Any, state: Balance):
        match request:
            case ("received", amount, number) if number > state.seen:
                return NoReply(state._replace(money=state.money + amount, seen=number))
            case ("received", _, _):  # read from the ledger when this account started
                return NoReply(state)


class Accounts(Supervisor):
    @impl
    def init(self, owners: list[str]):
        return Children([Account.child_spec(owner, id=owner, name=owner) for owner in owners])


class Bank(Supervisor):
    @impl
    def init(self, arg: object):
        accounts = Accounts.child_spec(list(OPENING), name="accounts")
        return Children([Ledger.child_spec(name="ledger"), accounts], strategy="rest_for_one")


async def show(title: str) -> None:
    await Supervisor.which_children("accounts")  # answers when the restart is done
    balances = [f"{owner} {await GenServer.call(owner, 'balance')}" for owner in OPENING]
    print(f"{title}: {', '.join(balances)}")


async def main() -> None:
    await Bank.start_link(None, name="bank")
    await show("at the opening")
    print("ada pays grace 30:", await GenServer.call("ada", ("pay", "grace", 30)))
    print("ada pays grace 500:", await GenServer.call("ada", ("pay", "grace", 500)))
    try:
        await GenServer.call("ada", ("pay", "grace", "ten"))
    except ServerDown as failure:
        print("ada pays grace 'ten':", failure.cause_reason)
    await show("after the crash of ada's account")
    otp.exit(otp.whereis("ledger"), "kill")
    await Supervisor.which_children("bank")
    await show("after the loss of the ledger")


if __name__ == "__main__":
    otp.run(main)
