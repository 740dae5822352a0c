// Command chaos shows that nothing acknowledged is lost, nothing is sent twice, and every status ends as it would have undisturbed:
// two managers take customers' lives in while they, the API server and etcd are killed, stopped and cut off at random instants.
//
// It prints one line for each fault as it comes, and one at the end:
//
//	kills=… acked=… lost=0 doubled=0 diverged=0
//
// It exits 1 if anything is wrong. The same -seed makes the same lives, faults and instants again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// patience bounds the wait for the operator to recover.
const patience = 10 * time.Minute

type options struct {
	duration time.Duration
	seed     uint64
	rate     float64
	plant    string
	failover int
	keep     bool
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", 2*time.Minute, "how long things go wrong")
	flag.Uint64Var(&o.seed, "seed", 0, "makes lives, faults and instants; 0 for another one each time")
	flag.Float64Var(&o.rate, "rate", 0.5, "lives that begin in a second")
	flag.StringVar(&o.plant, "plant", "", "a fault in the manager that the run must find: ack-before-create or second-writer")
	flag.IntVar(&o.failover, "failover", 0, "measure how long events stand still, so many times each way, instead")
	flag.BoolVar(&o.keep, "keep", false, "keep the logs even if nothing is wrong")
	flag.Parse()
	if _, known := plants[o.plant]; o.plant != "" && !known {
		fmt.Fprintf(os.Stderr, "chaos: there is no fault %q\n", o.plant)
		os.Exit(2)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "chaos: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, opts options) (err error) {
	folder, err := os.MkdirTemp("", "tollkeeper-chaos-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil || opts.keep {
			fmt.Printf("The logs are in %s.\n", folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	c, err := newCluster(ctx, folder)
	defer func() { err = errors.Join(err, c.close()) }()
	if err != nil {
		return err
	}
	if opts.failover > 0 {
		return measureFailover(ctx, c, folder, opts.failover)
	}
	lives := newLives(max(4, int(opts.rate*opts.duration.Seconds())), opts.seed)
	fmt.Printf("seed=%d lives=%d duration=%s %s\n", opts.seed, len(lives), opts.duration, opts.plant)
	want, err := undisturbed(ctx, c, folder, lives)
	if err != nil {
		return fmt.Errorf("the undisturbed run: %w", err)
	}
	return disturbed(ctx, c, folder, lives, want, opts)
}

// undisturbed is how the lives end when nothing goes wrong.
func undisturbed(ctx context.Context, c *cluster, folder string, lives []*stripetest.World) (statuses map[string]any, err error) {
	binary, err := build(folder, "")
	if err != nil {
		return nil, err
	}
	o, err := newOperator(ctx, c, folder, binary, "undisturbed", 1)
	defer func() { err = errors.Join(err, o.close()) }()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	newStripe(o).inOrder(ctx, lives)
	s, err := o.settled(ctx, patience)
	if err != nil {
		return nil, err
	}
	fmt.Printf("undisturbed: %d events, %d customers, %d subscriptions, %d e-mails in %s\n", len(s.events.Items), len(s.customers.Items),
		len(s.subscriptions.Items), len(s.emails.Items), time.Since(begin).Round(time.Second))
	return s.statuses(), nil
}

// disturbed lives the lives again while things go wrong, and compares.
func disturbed(ctx context.Context, c *cluster, folder string, lives []*stripetest.World, want map[string]any, opts options) error {
	binary, err := build(folder, opts.plant)
	if err != nil {
		return err
	}
	var flags []string
	if !plants[opts.plant].everybodyLeads {
		flags = append(flags, "--leader-elect")
	}
	o, err := newOperator(ctx, c, folder, binary, "disturbed", 2, flags...)
	closed := false
	defer func() {
		if !closed {
			_ = o.close()
		}
	}()
	if err != nil {
		return err
	}
	stripe, chaos := newStripe(o), newChaos(c, o, opts.seed)
	stripe.shuffled(ctx, lives, opts.duration*9/10, opts.seed)
	chaos.run(ctx, opts.duration)
	recovery := time.Now()
	stripe.all.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	v := &verdict{}
	if err := c.ready(ctx); err != nil {
		return err
	}
	s, err := o.settled(ctx, patience)
	if err != nil {
		v.addf("%v", err)
	}
	if s == nil {
		return v.err()
	}
	took := time.Since(recovery).Round(time.Second)
	closed = true
	if err := o.close(); err != nil {
		return err
	}
	acked, posts := stripe.tally()
	v.lostEvents(s, acked)
	v.mails(s, o)
	v.divergence(want, s.statuses())
	for _, crash := range o.allCrashes() {
		v.addf("%s", crash)
	}
	for _, f := range faults {
		fmt.Printf("%4d × %s\n", chaos.counts[f.name], f.name)
	}
	fmt.Printf("events=%d posts=%d emails=%d recovered after %s\n", stripe.events, posts, len(s.emails.Items), took)
	fmt.Printf("kills=%d acked=%d lost=%d doubled=%d diverged=%d\n", chaos.kills, len(acked), v.lost, v.doubled, v.diverged)
	return v.err()
}
