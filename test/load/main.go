// Command load measures what the operator costs and how fast it is, on one control plane with a durable etcd. It compares
// everything with the raw limit, creates of equal BillingEvents by a bare client, because machines differ and are noisy: read
// the ratios, not the numbers.
//
// It prints a table, and writes the figures of every round as JSON and a plot as SVG.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

type options struct {
	rounds    int
	customers int
	span      time.Duration
	settled   []int
	crowd     int
	retention int
	out       string
}

func parseFlags() (o options, err error) {
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of every measurement; the table has their median, least and most")
	flag.IntVar(&o.customers, "customers", 200, "customers in the load of each round; the renewal night has five times as many")
	flag.DurationVar(&o.span, "span", 5*time.Second, "how long the raw limit is measured at each concurrency")
	settled := flag.String("settled", "0,20000,100000", "numbers of old, settled events beside which the loads run")
	flag.IntVar(&o.crowd, "crowd", 20000, "customers in the cluster while starts and failovers are measured; 0 leaves this out")
	flag.IntVar(&o.retention, "retention", 0, "number of old events that are archived and deleted while a load flows; then nothing else is measured")
	flag.StringVar(&o.out, "out", "bin/bench", "folder of the results")
	flag.Parse()
	for field := range strings.SplitSeq(*settled, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 {
			return o, fmt.Errorf("-settled: %q is no number of events", field)
		}
		o.settled = append(o.settled, n)
	}
	if o.rounds < 1 || o.customers < 1 || o.span <= 0 || o.crowd < 0 || o.retention < 0 {
		return o, errors.New("-rounds, -customers and -span must be positive, and -crowd and -retention not negative")
	}
	return o, nil
}

func main() {
	o, err := parseFlags()
	if err != nil {
		fmt.Fprintf(os.Stderr, "load: %v\n", err)
		os.Exit(2)
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "load: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	folder, err := os.MkdirTemp("", "tollkeeper-load-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nthe managers' logs are in %s", err, folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	b, err := newBench(folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if b.exemplar, err = b.newExemplar(ctx); err != nil {
		return fmt.Errorf("sign up the customer that is copied: %w", err)
	}
	results := &results{}
	err = measure(ctx, b, o, results)
	if len(results.Sections) == 0 { // what was measured before an error, or an interrupt, is shown too
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	fmt.Println()
	results.printTable(os.Stdout)
	return errors.Join(err, results.writeJSON(filepath.Join(o.out, "results.json")), results.writePlot(filepath.Join(o.out, "results.svg")))
}

// measure runs all rounds. A round measures the raw limit first, so that the loads are compared with the machine as it is
// then.
func measure(ctx context.Context, b *bench, o options, results *results) error {
	if o.retention > 0 {
		found, err := b.retention(ctx, o)
		results.add(fmt.Sprintf("%d old events", o.retention), found)
		return err
	}
	have := 0
	for _, settled := range o.settled {
		if err := b.addSettledEvents(ctx, settled-have); err != nil {
			return err
		}
		have = max(have, settled)
		for round := range o.rounds {
			fmt.Printf("round %d of %d, beside %d settled events\n", round+1, o.rounds, settled)
			figures, err := b.round(ctx, o)
			if err != nil {
				return fmt.Errorf("round %d beside %d settled events: %w", round+1, settled, err)
			}
			results.add(fmt.Sprintf("%d settled events", settled), figures)
		}
	}
	if o.crowd == 0 {
		return nil
	}
	for round := range o.rounds {
		fmt.Printf("round %d of %d, with %d customers\n", round+1, o.rounds, o.crowd)
		figures, err := b.crowd(ctx, o.crowd)
		if err != nil {
			return fmt.Errorf("round %d with %d customers: %w", round+1, o.crowd, err)
		}
		results.add(fmt.Sprintf("%d customers", o.crowd), figures)
	}
	return nil
}
