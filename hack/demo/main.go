// Command demo shows the operator at work on this machine. It starts a control plane and the manager, plays stories of
// customers as signed Stripe events over HTTP, compares the resulting statuses with those in the stories, and prints
// what kubectl shows. It exits with 0 only if all statuses are as expected, and stops everything it started.
//
// With KEEP=1 it leaves everything running until Ctrl-C, and prints how to connect. FLAGS has further flags for the
// manager. With -follow it runs the commands of a page at the end, and compares what they print with what the page shows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func main() {
	page := flag.String("follow", "", "page whose commands are run at the end")
	write := flag.Bool("write", false, "with -follow: write what the commands print into the page")
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(zapError)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, func(s *stage) error { return s.followPage(ctx, *page, *write) })
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, follow func(*stage) error) (err error) {
	begin := time.Now()
	s, err := newStage(ctx)
	defer func() { err = errors.Join(err, s.close(err != nil)) }()
	if err != nil {
		return err
	}
	failed := 0
	for i, story := range stories {
		fmt.Printf("\n%d. %s\n", i+1, story.title)
		if err := play(story.steps(&scene{stage: s, ctx: ctx, story: i})); err != nil {
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
		return fmt.Errorf("%d of %d stories did not end as expected", failed, len(stories))
	}
	fmt.Printf("\nAll %d stories ended as expected, in %s.\n", len(stories), time.Since(begin).Round(time.Second))
	if err := follow(s); err != nil {
		return err
	}
	if os.Getenv("KEEP") != "" {
		s.keep(ctx)
	}
	return nil
}

// play runs the steps of a story up to the first that fails.
func play(steps []step) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
