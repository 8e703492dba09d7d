"""What people do with what was received: look into the quarantine, replay it, read messages again, seal them anew.

Commands of the same image, run beside a gateway in its pod (`kubectl exec`, or `marsad quarantine`), with its role.
"""
