"""All input and output of the operator: client, watch cache, queue, lease, and the one road `reconcile`.

Nothing here decides what a center should be; that is marsad.core. `runtime` wires the parts; each part can be used and
tested alone.
"""
