"""The circuit on a PennyLane device by name: a vendor's hardware, or another simulator."""

from typing import Any

import numpy as np
import pennylane as qml
import torch
from pennylane.devices.device_constructor import plugin_devices
from torch import Tensor

from model.backends import Device, Measured, Setback
from model.circuit import fusion_circuit


class DeviceBackend:
    """Runs the circuits of a request as one batch, on whatever device PennyLane knows by this name.

    The device is opened at the first call and stays open; vendors take their access keys from their own
    configuration, none passes through here. Raises whatever the device raises, and may hang: `GuardedBackend`.
    A request processed again gives other bytes, unless the device is an exact simulator.
    """

    def __init__(self, scale: Tensor, weights: Tensor, device: Device) -> None:
        self.name = f"device:{device.name}" + (f":{device.shots}" if device.shots else "")
        self._scale, self._weights = (part.double().numpy() for part in (scale, weights))
        self._device = device
        self._circuit: Any = None

    def run(self, angles: Tensor, identity: str) -> Measured:
        """angles (B, n); all B circuits go out together."""
        if self._circuit is None:
            self._circuit = _open(self._device, angles.shape[1])
        found = np.stack(self._circuit(angles.double().numpy(), self._scale, self._weights), axis=-1)  # (B, 2n)
        return Measured(torch.from_numpy(np.asarray(found, np.float64)).to(angles.dtype), self._device.shots)


class MissingDevice:
    """Stands where a device was asked for that PennyLane does not have here: no plugin of that name is installed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, angles: Tensor, identity: str) -> Setback:
        """Never anything."""
        return Setback.NOT_AVAILABLE


def is_installed(device: str) -> bool:
    """Whether PennyLane or one of its plugins brings a device of that name; opens nothing."""
    return device in plugin_devices


def _open(device: Device, wires: int) -> Any:
    circuit = qml.QNode(fusion_circuit, qml.device(device.name, wires=wires), diff_method=None)
    return qml.set_shots(circuit, device.shots) if device.shots else circuit
