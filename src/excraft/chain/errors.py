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
    """The node understood the call and refused it."""


class BadAnswer(ChainError):
    """The answer contradicts itself, the question, or what the node said before."""
