"""The protocol of the dedicated gateway (dkms-gcs-0.2): protobuf messages, signed by a client key; and the hosts of instances.

What must always hold: bytes of any kind give a message or a refusal, never a failure of ours; every answer, refusals too, is a
message. `life.py` alone calls it, for what arrives in this protocol.
"""
