"""Writes a plan's pointwise functions in C++: one for each phase, from the op table."""

from __future__ import annotations

from collections.abc import Iterable

from latchwork.kernels.plan import Buffer, Phase, Plan, Program
from latchwork.language.ops import OPS
from latchwork.language.value import Value

_SIZES = {"H": 0, "P": 1, "I": 2}  # where a letter's size is in the context


def source(plan: Plan) -> str:
    """The translation unit of a plan: functions ``phase_0`` … in the order of its programs."""
    numbers = {buffer: i for i, buffer in enumerate(plan.buffers())}
    phases = [(program, phase) for program in plan.programs for phase in program.phases]
    functions = [_Function(plan, numbers, *both).text(i) for i, both in enumerate(phases)]
    return '#include "pointwise.h"\n\nusing namespace latchwork;\n\n' + "\n".join(functions)


class _Function:
    """The function of one phase: for each row, first what holds for the whole row, then unit by unit."""

    def __init__(self, plan: Plan, numbers: dict[Buffer, int], program: Program, phase: Phase) -> None:
        self.plan = plan
        self.buffers = numbers
        self.program = program
        self.phase = phase
        self.stored = {v: b[0] for p in program.phases for v, b in p.targets.items()}
        self.columns: dict[Value, int] = {}
        for product in phase.products:
            for column in product.columns:
                self.columns[column.value] = len(self.columns)
        self.lines: list[str] = []
        self.rows: dict[Value, str] = {}  # what is known for a whole row
        self.used: set[Buffer] = set()

    def text(self, index: int) -> str:
        body = self._body()
        rows = "".join(
            f"        Real* const b{self.buffers[b]} = c->buffer[{self.buffers[b]}]"
            + (f" + r * c->stride[{self.buffers[b]}]" if b.role != "vector" else "")
            + ";\n"
            for b in sorted(self.used, key=lambda b: self.buffers[b])
        )
        count = len(self.columns)
        sums = f"        const Real* const sums = all_sums + (r - row) * {count} * blocks * W;\n" if count else ""
        return (
            f'extern "C" __attribute__((visibility("default"))) void phase_{index}(\n'
            "    const Context* c, int64_t row, int64_t rows, int64_t block, int64_t blocks, const Real* all_sums) {\n"
            "    (void)all_sums;\n"
            f"    const int64_t all_blocks = c->blocks[{_SIZES[self.phase.letter]}];\n"
            f"    const int64_t rest = c->size[{_SIZES[self.phase.letter]}] - (all_blocks - 1) * W;\n"
            "    (void)rest;\n"
            "    for (int64_t r = row; r < row + rows; ++r) {\n" + rows + sums + body + "    }\n}\n"
        )

    def _body(self) -> str:
        required = list(self.phase.targets)
        optional = list(self.phase.optional)
        whole = self._whole_row([*required, *optional])
        unit = _Block(self)
        for value in required:
            for buffer in self.phase.targets[value]:
                if buffer.letter != "1":
                    unit.store(value, buffer)
        for value in optional:
            for buffer in self.phase.optional[value]:
                if buffer.letter != "1":
                    unit.store_if_wanted(value, buffer)
        ends = ""
        for targets, wanted in ((self.phase.targets, False), (self.phase.optional, True)):
            for value, buffers in targets.items():
                for buffer in buffers:
                    if buffer.letter == "1":
                        name = self.pointer(buffer)
                        guard = f"if ({self.wanted(buffer)}) " if wanted else ""
                        ends += f"        {guard}store({name}, {self.rows[value]});\n"
        loop = ""
        if unit.lines:
            loop = (
                "        for (int64_t u = block; u < block + blocks; ++u) {\n"
                + "".join(f"            {line}\n" for line in unit.lines)
                + "        }\n"
            )
        return whole + ends + loop

    def pointer(self, buffer: Buffer) -> str:
        self.used.add(buffer)
        return f"b{self.buffers[buffer]}"

    def load(self, buffer: Buffer, place: str = "") -> str:
        """A vector of a buffer's row. What the forward pass kept has left the caches by the time that the loop backward
        reads it, so the next step's is asked for a step ahead."""
        at = self.pointer(buffer) + place
        if buffer.role == "saved" and self.program is self.plan.backward:
            return f"load_ahead({at}, c->ahead * c->stride[{self.buffers[buffer]}])"
        return f"load({at})"

    def wanted(self, buffer: Buffer) -> str:
        """The condition that an optional buffer is there."""
        return f"c->buffer[{self.buffers[buffer]}]"

    def _whole_row(self, values: Iterable[Value]) -> str:
        """Means over the units, and what is computed from them alone: by depth, for a mean may need other means."""
        text = ""
        means, others = self._uniform(values)
        done: set[Value] = set()
        while True:
            ready = [m for m in means if m not in done and all(u in done for u in self._uniform_inputs(m))]
            if ready:
                block = _Block(self)
                names = []
                for mean in ready:
                    name = block.value(mean.inputs[0])
                    total = f"t{self.plan.numbers[mean]}"
                    text += f"        V {total}{{}};\n"
                    names.append((mean, name, total))
                text += "        for (int64_t u = 0; u < all_blocks; ++u) {\n"
                text += "".join(f"            {line}\n" for line in block.lines)
                for _, name, total in names:
                    text += f"            {total} += u + 1 < all_blocks ? {name} : first_lanes({name}, rest);\n"
                text += "        }\n"
                size = f"c->size[{_SIZES[self.phase.letter]}]"
                for mean, _, total in names:
                    row = f"m{self.plan.numbers[mean]}"
                    text += f"        const V {row} = splat(horizontal_sum<Real>({total}) / Real({size}));\n"
                    self.rows[mean] = row
                    done.add(mean)
            progress = bool(ready)
            for value in others:
                loaded = self.buffer(value) is not None
                if value not in done and (loaded or all(i in done or i.op == "constant" for i in value.inputs)):
                    block = _Block(self)
                    name = block.row_value(value)
                    text += "".join(f"        {line}\n" for line in block.lines)
                    self.rows[value] = name
                    done.add(value)
                    progress = True
            if not progress:
                assert len(done) == len(means) + len(others)
                return text

    def _uniform(self, values: Iterable[Value]) -> tuple[list[Value], list[Value]]:
        """The means, and the other values that hold for a whole row, that this phase needs."""
        means: dict[Value, None] = {}
        others: dict[Value, None] = {}
        seen: set[Value] = set()
        stack = list(values)
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen.add(value)
            buffer = self.buffer(value)
            if buffer is not None and buffer.letter == "1":
                others.setdefault(value)
            if buffer is not None:
                continue
            if value.op == "mean":
                means.setdefault(value)
            elif self.plan.is_uniform(value):
                others.setdefault(value)
            if value not in self.columns:
                stack.extend(value.inputs)
        return list(means), list(others)

    def _uniform_inputs(self, mean: Value) -> list[Value]:
        """The values holding for a whole row that the mean's argument is made of."""
        means, others = self._uniform(mean.inputs)
        return means + others

    def buffer(self, value: Value) -> Buffer | None:
        """Where this phase finds ``value`` in memory, if it does."""
        if value in self.program.loads:
            return self.program.loads[value]
        if self.program.levels[value] < self.phase.level:
            return self.stored.get(value)
        return None


class _Block:
    """Lines of C++ that compute values, each once."""

    def __init__(self, function: _Function) -> None:
        self.function = function
        self.lines: list[str] = []
        self.names: dict[Value, str] = {}

    def store(self, value: Value, buffer: Buffer) -> None:
        name = self.number(value)
        self.lines.append(f"store({self.function.pointer(buffer)} + u * W, {name});")

    def store_if_wanted(self, value: Value, buffer: Buffer) -> None:
        inner = _Block(self.function)
        inner.names = dict(self.names)
        inner.store(value, buffer)
        self.lines.append(f"if ({self.function.wanted(buffer)}) {{")
        self.lines.extend(f"    {line}" for line in inner.lines)
        self.lines.append("}")

    def number(self, value: Value) -> str:
        """``value`` as a number: a comparison is 1 or 0."""
        name = self.value(value)
        return f"select<Real>({name}, V{{}} + Real(1), V{{}})" if value.is_comparison else name

    def value(self, root: Value) -> str:
        stack = [root]
        while stack:
            value = stack[-1]
            if self._name(value) is not None:
                stack.pop()
                continue
            missing = [i for i in value.inputs if self._name(i) is None] if self._computed(value) else []
            if missing:
                stack.extend(reversed(missing))
            else:
                self._write(value)
        name = self._name(root)
        assert name is not None
        return name

    def row_value(self, value: Value) -> str:
        """A value that holds for a whole row."""
        buffer = self.function.buffer(value)
        name = f"m{self.function.plan.numbers[value]}"
        if buffer is not None:
            mask = " > V{}" if value.is_comparison else ""
            self.lines.append(f"const auto {name} = {self.function.load(buffer)}{mask};")
        else:
            inputs = [self._name(i) for i in value.inputs]
            self.lines.append(f"const auto {name} = {OPS[value.op].cpp.format(*inputs)};")
        return name

    def _name(self, value: Value) -> str | None:
        if value.op == "constant":
            return f"splat(Real({value.attributes['value']!r}))".replace("inf", "INFINITY").replace("nan", "NAN")
        return self.function.rows.get(value) or self.names.get(value)

    def _computed(self, value: Value) -> bool:
        function = self.function
        return function.buffer(value) is None and value not in function.columns and value.op != "bernoulli"

    def _write(self, value: Value) -> None:
        function = self.function
        name = f"v{function.plan.numbers[value]}"
        buffer = function.buffer(value)
        kind = "V"
        if buffer is not None:
            text = function.load(buffer, " + u * W")
            if value.is_comparison:  # stored as 1 or 0
                kind, text = "auto", f"{text} > V{{}}"
        elif value in function.columns:
            text = f"load(sums + ({function.columns[value]} * blocks + u - block) * W)"
        elif value.op == "bernoulli":
            rate, stream = value.attributes["rate"], value.attributes["stream"]
            step = "uint32_t(c->step)" if value.attributes["each_step"] else "0u"
            drawn = (
                f"bernoulli<Real>(c->seed, uint32_t(u * W), uint32_t(c->row_id ? c->row_id[r] : r), {step}, "
                f"uint32_t(c->stream + {stream}), {int(rate * 2**32)}ull)"
            )
            text = f"c->drawn ? {drawn} : splat(Real({rate!r}))"
        else:
            if value.is_comparison:
                kind = "auto"
            inputs = [self._name(i) for i in value.inputs]
            text = OPS[value.op].cpp.format(*inputs)
        self.names[value] = name
        self.lines.append(f"const {kind} {name} = {text};")
