"""Import the nets first: they let timm be imported beside any build of torch."""

import icssn.nets  # noqa: F401
