"""A stand-in, for tests only, for a network plugin that enforces NetworkPolicy, where none can be installed.

Our own kind node (e2e/node) has the static bridge plugin, which enforces nothing, and no enforcing plugin can be had
from package registries. So that a story can still prove by packets what the declared policies let through and what
they stop, `read` and `nftables` (pure) translate policies, pods and namespaces into nftables rules, and `enforce` (thin
shell) keeps those rules in the kernel of the node while the story runs. Nothing of it is part of the product.

What of NetworkPolicy it covers (networking.k8s.io/v1, IPv4, one node):

- podSelector and namespaceSelector with matchLabels and matchExpressions; ipBlock with except;
- ports by number, endPort and, for ingress, name; TCP, UDP and SCTP; no ports means every protocol;
- a pod is closed in a direction once a policy selects it there, and open by the union of all that select it;
- judged after a Service's address was translated to a pod's; answers pass by connection tracking, as does all else of
  connections that were there before a policy;
- what the node itself sends (the kubelet's probes) always passes; what a pod sends to the node is judged;
- a pod always reaches itself; pods of the host's network are neither selected nor peers.

Anything else in a policy raises `Uncovered`: nothing is passed over in silence.
"""
