// Command demo shows the operator at work on this machine: it starts a control plane and the manager, replays customers' lives as
// signed Stripe events over HTTP, checks that every status is what its story says, and prints what kubectl shows. It exits 0 only
// if all of it is true, and stops everything it started.
//
// With KEEP=1 it leaves everything running until Ctrl-C and says how to reach it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(zapError)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	begin := time.Now()
	s, err := newStage(ctx)
	defer func() { err = errors.Join(err, s.close(err != nil)) }()
	if err != nil {
		return err
	}
	failed := 0
	for i, story := range stories {
		fmt.Printf("\n%d. %s\n", i+1, story.title)
		if err := play(story.acts(&scene{stage: s, ctx: ctx, story: i})); err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			fmt.Printf("   ✗ %v\n", err)
			failed++
		}
	}
	if err := errors.Join(s.show(ctx), s.showMail()); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d stories did not end as told", failed, len(stories))
	}
	fmt.Printf("\nAll %d stories ended as told, in %s.\n", len(stories), time.Since(begin).Round(time.Second))
	if os.Getenv("KEEP") != "" {
		s.keep(ctx)
	}
	return nil
}

// play plays a story up to the first act that does not go as told.
func play(acts []act) error {
	for _, act := range acts {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}
