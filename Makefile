.PHONY: build test lint fuzz bench ci

build:
	CGO_ENABLED=0 go build -o bin/ipiscope ./cmd/ipiscope

test:
	go test ./...

lint:
	.ci/run format vet staticcheck tidy

# FUZZTIME=5m make fuzz gives each target five minutes.
fuzz:
	.ci/run fuzz

bench:
	go test -run '^$$' -bench . ./...

ci:
	.ci/run
