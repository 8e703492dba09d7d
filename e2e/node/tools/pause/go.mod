module marsad.dev/e2e/node/tools/pause

go 1.26.0
