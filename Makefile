.PHONY: build test lint fuzz mutants bench bench-gate bench-record bench-parts ci man install uninstall deb rpm dist

PREFIX  = /usr/local
DESTDIR =
BINDIR  = $(DESTDIR)$(PREFIX)/bin
SHARE   = $(DESTDIR)$(PREFIX)/share
ZSHDIR  = $(SHARE)/zsh/site-functions
FISHDIR = $(SHARE)/fish/vendor_completions.d
LDFLAGS =

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ipiscope ./cmd/ipiscope

test:
	go test ./...

lint:
	.ci/run format vet staticcheck unused tidy

# FUZZTIME=5m make fuzz gives each target five minutes.
fuzz:
	.ci/run fuzz

# Changes the program at random: what no test notices is printed.
mutants:
	.ci/mutants

# Whole runs beside trace-cmd, grep, wc and others on large traces, into
# docs/performance.md; BENCH=-size\ 1GiB for larger ones. bench-parts measures
# each stage by itself.
bench:
	go run ./cmd/bench -o docs/performance.md $(BENCH)

# Fails if some of these jobs take much longer, by the time of the others, than they
# did.
bench-gate:
	go run ./cmd/bench -gate

# Recorders side by side on this machine, as root, into docs/recording.md.
bench-record:
	go run ./cmd/bench -record -o docs/recording.md

bench-parts:
	go test -run '^$$' -bench . -benchmem ./...

ci:
	.ci/run

# docs/man says what the help of the commands says.
man:
	go test ./cmd/ipiscope -run Manual -update

# A program for another machine (GOARCH=arm64) cannot run here: completions come
# from one that can.
install: build
	mkdir -p bin/completion
	cp bin/ipiscope bin/completion/program
	[ "$$(go env GOOS)/$$(go env GOARCH)" = "$$(go env GOHOSTOS)/$$(go env GOHOSTARCH)" ] || GOOS= GOARCH= go build -o bin/completion/program ./cmd/ipiscope
	for shell in bash zsh fish; do bin/completion/program completion $$shell > bin/completion/$$shell || exit 1; done
	install -D -m 755 bin/ipiscope $(BINDIR)/ipiscope
	install -d $(SHARE)/man/man1
	install -m 644 docs/man/*.1 $(SHARE)/man/man1
	install -D -m 644 bin/completion/bash $(SHARE)/bash-completion/completions/ipiscope
	install -D -m 644 bin/completion/zsh $(ZSHDIR)/_ipiscope
	install -D -m 644 bin/completion/fish $(FISHDIR)/ipiscope.fish

uninstall:
	rm -f $(BINDIR)/ipiscope $(SHARE)/man/man1/ipiscope.1 $(SHARE)/man/man1/ipiscope-*.1
	rm -f $(SHARE)/bash-completion/completions/ipiscope $(ZSHDIR)/_ipiscope $(FISHDIR)/ipiscope.fish

# bin/ipiscope_VERSION_ARCH.deb and .rpm, of the commit's time, whoever makes them.
deb rpm:
	.ci/package/make $@

# bin/dist: programs for five architectures, checksums, bill of materials.
dist:
	.ci/dist
