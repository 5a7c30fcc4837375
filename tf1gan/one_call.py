"""All updates of a step in one session call, with the bits of one call after another.

A page's `step` calls `sess.run` once an update. Each call costs a fixed time, and G's
images are computed anew for D's update and for G's. Here `step` runs as it stands, in a
session that only notes what it is asked for; then one call does it all. For that, some
ops are copied in the graph: those that come from what is fed, and those that must see
what an earlier update has moved. The latter read the variables after that update is
done. All other ops are shared. As the copies know the shapes of what is fed, nothing
computes them.

A step that asks for something else than at first, or that looks at a result, is run
call by call.
"""

import atexit
import weakref
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan.tf1 import tf

SIZES = {'Shape': list, 'Size': np.prod}    # ops that a known shape answers
OPEN = weakref.WeakSet()        # sessions


@atexit.register
def close() -> None:
    """Close the sessions before Python takes TensorFlow away, which their calls need.
    """
    for sess in list(OPEN):
        sess.close()


class Call(NamedTuple):
    """What one `sess.run` of a step asks for."""

    fetches: List[Any]
    feeds: Dict[Any, Any]       # placeholder -> value


class Result:
    """A place in the results: the number of the call, and of the fetch in it.

    It can only be returned: the value is not there yet.
    """

    def __init__(self, call: int, fetch: int):
        self.call, self.fetch = call, fetch

    def _too_early(self, *_: Any) -> bool:
        raise TypeError('a result that is not there yet')

    __bool__ = __eq__ = __ne__ = __array__ = _too_early
    __hash__ = None


class Session:
    """A session for `step` that notes its calls, and does them when it is told to.

    Raises: TypeError when `step` looks at a result.
    """

    def __init__(self, sess, step: Callable[[Any], Dict[str, Any]]):
        """Plan a step: `step(session)` takes one, with draws for nothing else."""
        self.sess, self.calls = sess, []
        step(self)
        self.planned, self.again = self.calls, shared(self.calls)
        self.form = form(self.planned)
        self.run_all = function(sess, *one_graph(self.planned))

    def run(self, fetches: List[Any], feed_dict: Dict[Any, Any]) -> List[Result]:
        """Note a call; return the places of its results."""
        self.calls.append(Call(list(fetches), dict(feed_dict)))
        return [Result(len(self.calls) - 1, i) for i in range(len(fetches))]

    def take(self, step: Callable[[Any], Dict[str, Any]]) -> Dict[str, Any]:
        """Take a step; return what it returns, with the results in their places."""
        self.calls = []
        returned = step(self)
        again = shared(self.calls)
        if again == self.again and form(self.calls) == self.form:
            values = (value for call in self.calls for value in call.feeds.values())
            flat = self.run_all(*(value for value, known in zip(values, again)
                                  if not known))
            results, start = [], 0
            for call in self.calls:
                results.append(flat[start:start + len(call.fetches)])
                start += len(call.fetches)
        else:
            results = [self.sess.run(*call) for call in self.calls]
        return {name: results[value.call][value.fetch]
                if isinstance(value, Result) else value
                for name, value in returned.items()}


def form(calls: List[Call]) -> List[Any]:
    """Return what calls ask for, and where they feed how many numbers."""
    return [([id(fetch) for fetch in call.fetches],
             [(id(place), np.shape(value)) for place, value in call.feeds.items()])
            for call in calls]


def shared(calls: List[Call]) -> List[bool]:
    """Say of each feed whether an earlier call has fed that value there."""
    known, found = {}, []
    for call in calls:
        for placeholder, value in call.feeds.items():
            found.append(known.get(placeholder) is value)
            known[placeholder] = value
    return found


def function(sess, fetches: List[Any], placeholders: List[Any]) -> Callable:
    """Return a function of what is fed, in order, that does what `sess.run` does.

    It looks at the fetches once. `make_callable` does so at every call, where something
    is fed.
    """
    from tensorflow.core.protobuf import config_pb2
    ops = [isinstance(fetch, tf.Operation) for fetch in fetches]
    call = sess._make_callable_from_options(config_pb2.CallableOptions(
        feed=[each.name for each in placeholders],
        fetch=[each.name for each, is_op in zip(fetches, ops) if not is_op],
        target=[each.name for each, is_op in zip(fetches, ops) if is_op]))
    OPEN.add(sess)
    types = [each.dtype.as_numpy_dtype for each in placeholders]

    def run_all(*values):
        found = iter(call(*map(np.asarray, values, types)))
        return [None if is_op else next(found) for is_op in ops]
    return run_all


# --- The graph ------------------------------------------------------------------------

def one_graph(calls: List[Call]) -> Tuple[List[Any], List[Any]]:
    """Return all fetches of the calls in one graph, and its placeholders.

    What a call fetches comes after all of the call before it.
    """
    graph, again = calls[0].fetches[0].graph, iter(shared(calls))
    fetches, placeholders, done = [], [], []
    fresh: Dict[Any, Any] = {}      # placeholder -> the one that this call is fed by
    moved = set()                   # variables that the calls so far have moved
    with graph.as_default():
        for call in calls:
            for placeholder, value in call.feeds.items():
                if next(again):
                    continue
                fresh[placeholder] = tf.placeholder(
                    placeholder.dtype, np.shape(value), f'copy/{placeholder.op.name}')
                placeholders.append(fresh[placeholder])
            ops = needed_by(call.fetches)
            copies = copied(ops, fresh, moved, done)
            found = [copies.get(fetch, fetch) for fetch in call.fetches]
            fetches += found
            done = [getattr(fetch, 'op', fetch) for fetch in found]
            moved |= {op.inputs[0].op for op in ops if moves(op)}
    return fetches, placeholders


def needed_by(fetches: List[Any]) -> List['tf.Operation']:
    """Return the ops that fetches need, each after those that it needs itself."""
    todo, found = [getattr(fetch, 'op', fetch) for fetch in fetches], set()
    while todo:
        op = todo.pop()
        if op not in found:
            found.add(op)
            todo += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return sorted(found, key=lambda op: op._id)


def moves(op: 'tf.Operation') -> bool:
    """Say whether an op moves the variable that is its first input."""
    return bool(op.outputs) and op.outputs[0].dtype._is_ref_dtype and bool(op.inputs)


def copied(ops: List['tf.Operation'], fresh: Dict[Any, Any], moved, done
           ) -> Dict[Any, Any]:
    """Copy those ops of a call that are fed, or that must not be shared with others.

    They are fed by a `fresh` placeholder, or read what has been `moved`, or move a
    variable, or need such an op. The latter run after the ops that are `done`. Return
    the copies, of ops and of tensors; a shape that is known is a constant.
    """
    copies: Dict[Any, Any] = dict(fresh)
    known = set()       # tensors that come from constants alone
    for op in ops:
        if op.type == 'Const' or op.inputs and known.issuperset(op.inputs):
            known.update(op.outputs)
        reads = any(tensor.op in moved for tensor in op.inputs)
        if not (reads or moves(op) or any(tensor in copies for tensor in op.inputs)
                or any(each in copies for each in op.control_inputs)):
            continue
        sizes = op.type in SIZES and copies.get(op.inputs[0], op.inputs[0]).shape
        if sizes and sizes.is_fully_defined():
            known.add(op.outputs[0])
            copies[op.outputs[0]] = tf.constant(
                SIZES[op.type](sizes.as_list()), op.outputs[0].dtype,
                name=f'copy/{op.name}')
            continue
        before = [copies.get(each, each) for each in op.control_inputs]
        with tf.control_dependencies(None), tf.control_dependencies(
                before + (done if reads or moves(op) else [])):
            new = op.graph.create_op(
                op.type, [copies.get(tensor, tensor) for tensor in op.inputs],
                [tensor.dtype for tensor in op.outputs],
                [tensor.dtype for tensor in op.inputs], name=f'copy/{op.name}',
                attrs=dict(op.node_def.attr), op_def=op.op_def)
        copies[op] = new
        copies.update(zip(op.outputs, new.outputs))
        if op.type == 'Cast' and op.outputs[0] in known:
            # TensorFlow takes 1 / n times a number for one that is divided by a
            # constant n. It does not know this n.
            copies[op.outputs[0]] = tf.placeholder_with_default(
                new.outputs[0], new.outputs[0].shape, f'copy/{op.name}/hidden')
    return copies


def session(sess, step: Callable[[Any], Dict[str, Any]]) -> Optional[Session]:
    """Return a session that takes steps in one call; None: this step cannot be."""
    try:
        return Session(sess, step)
    except Exception:       # it looks at a result, say; or it fails, and will again
        return None
