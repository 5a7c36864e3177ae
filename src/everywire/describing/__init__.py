"""What an application understands and says, written down for others: AsyncAPI documents, TypeScript types."""

from everywire.describing.asyncapi import asyncapi
from everywire.describing.contract import Contract, describe
from everywire.describing.typescript import typescript

__all__ = ["Contract", "asyncapi", "describe", "typescript"]
