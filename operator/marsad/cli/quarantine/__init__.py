"""Commands about what a center received and refused: `marsad quarantine list|show|senders|replay`, `marsad codes`,
`marsad reprocess`.

The database lets nobody in but the center's own parts, so they run beside a gateway, in its pod, with the rights that
the API server gives whoever calls: `pods/exec` in the center's namespace, which few have and its audit log records.
"""
