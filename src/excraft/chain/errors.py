"""What can go wrong with a node; each message is one sentence for the operator."""


class ChainError(Exception):
    """The node did not give what was asked."""


class Unreachable(ChainError):
    """No answer, a slow one, or one that is not JSON-RPC: may pass, a read is asked again."""


class WrongChain(ChainError):
    """The node serves another chain than the settings say."""


class AnswerTooLarge(ChainError):
    """More bytes than allowed: ask for less at once."""


class NodeRefused(ChainError):
    """The node understood the call and refused it. `data`: what a contract said, 0x and hex."""

    def __init__(self, why: str, data: str = "") -> None:
        super().__init__(why)
        self.data = data


class ContractRefused(ChainError):
    """A contract reverted. `error`: the name of its error, such as OutOfOrder, or ""."""

    def __init__(self, why: str, error: str = "") -> None:
        super().__init__(why)
        self.error = error


class NotMined(ChainError):
    """A transaction that was sent is in no block yet; it may still come."""


class Reorganised(ChainError):
    """A block that was read as final is another one now; what was read is to be read anew."""


class Lost(ChainError):
    """Contracts are not where they were deployed: another chain, or one that was wiped."""


class BadAnswer(ChainError):
    """The answer contradicts itself, the question, or what the node said before."""
