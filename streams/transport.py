"""Faust's Kafka transport with our consumer and producer."""

from faust.transport.drivers import aiokafka as driver

from streams.consumer import BatchConsumer
from streams.last_acts import last_act
from streams.reconnect import keep_in_touch


class BatchProducer(driver.Producer):
    """Faust's producer, which does not wait at its end for what the broker does not take."""

    async def on_start(self) -> None:
        """Connect, and stay in touch with brokers that move."""
        await super().on_start()
        self.add_future(keep_in_touch(self._ensure_producer().client))

    async def on_stop(self) -> None:
        """Close; whatever is still on its way has not been acknowledged, and will be made again."""
        await last_act("close the producer", super().on_stop())


class BatchTransport(driver.Transport):
    """Hands both to Faust."""

    Consumer = BatchConsumer
    Producer = BatchProducer
