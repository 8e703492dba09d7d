"""What a kind cluster is made of where no image registry can be reached: Go modules and Debian packages."""
