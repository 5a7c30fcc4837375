"""Records what a port's layers return, for `update.put('layer', ...)`.

    layers = hooks.Layers(G=[G.dense, None, G.norm1], D=[D.conv1])
    ...
    fake = G(Z)
    logits = D(fake)
    update.put('layer', layers.seen(G='G', D='D_gene'))

Each list has a network's layers in the order of its description (`python -m
tf1gan.trace vanilla` does not list them: tf1gan/descriptions does); None stands for one
that is a function, or that you leave out. They are PyTorch modules or Keras layers. The
judge then checks each layer from the one recorded before it, so a mistake without a
name is placed at its layer.
"""

import functools
from typing import Any, Callable, Dict, List, Optional


class Layers:
    """The layers of a port, listened to; `seen` returns what they returned last."""

    def __init__(self, **networks: List[Optional[Any]]):
        self.latest: Dict[Any, Any] = {}
        for network, layers in networks.items():
            for n, layer in enumerate(layers):
                if layer is not None:
                    _listen(layer, functools.partial(self._note, (network, n)))

    def _note(self, place: Any, value: Any) -> None:
        self.latest[place] = value

    def seen(self, **calls: str) -> Dict[str, Any]:
        """Return what the layers returned in their networks' last call, by name.

        `calls` says what each call is named: G is G, and D is its logit's name.
        """
        return {f'{calls[network]}_{n}': value
                for (network, n), value in self.latest.items() if network in calls}


def _listen(layer: Any, note: Callable[[Any], None]) -> None:
    """Have `note` called with what a layer returns."""
    if hasattr(layer, 'register_forward_hook'):     # PyTorch's
        layer.register_forward_hook(lambda module, inputs, value: note(value))
        return
    call = layer.call       # Keras's

    @functools.wraps(call)
    def listened(*args, **kwargs):
        value = call(*args, **kwargs)
        note(value)
        return value

    layer.call = listened
