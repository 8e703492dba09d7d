// etcd without cgo: the module's own main package is not importable as a tool, and a cgo build does not start
// in an image without libc.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
