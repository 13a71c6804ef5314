# make test is everything that CI runs; the other targets are its parts.
GO ?= go
UI := web/ui

.PHONY: shots test vet go ui e2e build fuzz bench bench-decode bench-proxy soak clean

test: vet go ui e2e

vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "gofmt would change these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

go:
	$(GO) test -race -timeout 25m ./...

# The page: types, unit tests, and the proof that the committed page is what the source builds.
ui:
	cd $(UI) && npm ci --no-audit --no-fund
	cd $(UI) && npm run check && npm test && npm run build
	git diff --exit-code -- web/dist

e2e: build
	cd $(UI) && FACTEUR_BIN=$(CURDIR)/facteur npm run e2e

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o facteur .

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# What the proxy costs, as a ratio to a plain copy in the same run (x-plain-copy: 1 is as fast), relayed, decoded and recorded.
bench-proxy:
	$(GO) test -run '^$$' -bench BenchmarkProxy -benchtime 1s ./proxy

# make soak SOAK=10m: clients of every kind come and go, under the race detector.
SOAK ?= 1m
soak:
	$(GO) test -race -timeout 0 ./proxy -run TestSoak -v -soak $(SOAK)

# facteur decode beside tshark on captures of BENCH_MIB each: seconds, processor, memory, ratio. BENCH_TSHARK=off leaves tshark out.
BENCH_MIB ?= 1024
bench-decode:
	FACTEUR_BENCH_SIZE=$(BENCH_MIB) FACTEUR_BENCH_TSHARK=$(BENCH_TSHARK) $(GO) test -run '^$$' -bench BenchmarkProgram -benchtime 1x -timeout 2h ./internal/watch

# make fuzz FUZZTIME=10m runs every fuzz target for that long.
FUZZTIME ?= 30s
fuzz:
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
		echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

# The README's pictures, from the program as it is.
shots: build
	cd $(UI) && FACTEUR_BIN=$(CURDIR)/facteur npm run shots -- shots live-laptop-en-dark live-laptop-fr-light compare-wide-fr-light

clean:
	rm -f facteur
