"""The checkout: rest_for_one, because each worker holds a number that the one before it gave out.

The ledger gives the cart an account, the cart gives the mailer a mailing list. A new ledger does not have the old
account, so a cart that kept it could not book anything. Everything started after the ledger therefore restarts with
it. The reverse is not needed: the ledger holds nothing of the mailer's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import otp
from otp import Children, From, GenServer, NoReply, Ok, Reply, Supervisor, impl

__all__ = ["Cart", "CheckoutSup", "Ledger", "Mailer"]

NEWSLETTER_EVERY_S = 4.0


class Book(NamedTuple):
    """The ledger's state: open accounts and the money on them."""

    accounts: dict[int, int]
    next_account: int


class Ledger(GenServer[Book]):
    """The money. Calls: `"open_account"`, `("book", account, amount)`, `"balance"`. A negative amount crashes it."""

    @impl
    def init(self, arg: object) -> Ok[Book]:
        return Ok(Book({}, 1))

    @impl
    def handle_call(self, request: Any, caller: From, book: Book) -> Reply[Book]:
        match request:
            case "open_account":
                account = book.next_account
                return Reply(account, Book({**book.accounts, account: 0}, account + 1))
            case ("book", account, amount):
                if account not in book.accounts:
                    raise KeyError(f"no account {account!r}")
                if amount < 0:
                    raise ValueError("negative amount")
                balance = book.accounts[account] + amount
                return Reply(balance, book._replace(accounts={**book.accounts, account: balance}))
            case "balance":
                return Reply(sum(book.accounts.values()), book)
            case _:
                raise ValueError(f"a ledger does not understand {request!r}")


class Sales(NamedTuple):
    """The cart's state."""

    account: int
    sold: int
    readers: int


class Cart(GenServer[Sales]):
    """Sells. Its account is the ledger's: it opens one when it starts. Calls: `("sell", amount)`, `"subscribe"`."""

    @impl
    async def init(self, arg: object) -> Ok[Sales]:
        account = await GenServer.call("ledger", "open_account")
        return Ok(Sales(account, 0, 0))

    @impl
    async def handle_call(self, request: Any, caller: From, sales: Sales) -> Reply[Sales]:
        match request:
            case ("sell", amount):
                balance = await GenServer.call("ledger", ("book", sales.account, amount))
                return Reply(balance, sales._replace(sold=sales.sold + 1))
            case "subscribe":
                return Reply(("list", sales.readers + 1), sales._replace(readers=sales.readers + 1))
            case ("sold_for", ("list", number)) if number <= sales.readers:
                return Reply(sales.sold, sales)
            case _:
                raise ValueError(f"a cart does not understand {request!r}")


class Mail(NamedTuple):
    """The mailer's state."""

    mailing_list: Any
    sent: int


class Mailer(GenServer[Mail]):
    """Writes to the customers every 4 s, using the cart's mailing list."""

    @impl
    async def init(self, arg: object) -> Ok[Mail]:
        mailing_list = await GenServer.call("cart", "subscribe")
        otp.send_after(NEWSLETTER_EVERY_S, self.pid, "newsletter")
        return Ok(Mail(mailing_list, 0))

    @impl
    async def handle_info(self, message: Any, mail: Mail) -> NoReply[Mail]:
        if message != "newsletter":
            return NoReply(mail)
        await GenServer.call("cart", ("sold_for", mail.mailing_list))
        otp.send_after(NEWSLETTER_EVERY_S, self.pid, "newsletter")
        return NoReply(mail._replace(sent=mail.sent + 1))


class CheckoutSup(Supervisor):
    """rest_for_one: a worker that holds a number of a dead worker restarts with it."""

    @impl
    def init(self, arg: object) -> Children:
        return Children(
            [
                Ledger.child_spec(None, id="ledger", name="ledger"),
                Cart.child_spec(None, id="cart", name="cart"),
                Mailer.child_spec(None, id="mailer", name="mailer"),
            ],
            strategy="rest_for_one",
            max_restarts=3,
            max_seconds=5,
        )
