//go:build s3

package main

// Amazon's client is a tenth of the program, so it is there only for whoever asks.
import _ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3"
