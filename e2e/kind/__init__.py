"""Stories on a real Kubernetes cluster. One file a story; they share one cluster and run one after another."""
