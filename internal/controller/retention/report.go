package retention

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

const (
	// sample is how many events are read to find out how large one is.
	sample = 100
	// forecast is how far ahead the size of the trail is estimated while nothing is deleted.
	forecast = 90 * 24 * time.Hour
	// maxProblem is how many characters of a problem the ConfigMap holds.
	maxProblem = 512
)

// phase is the name of the check in /readyz, which never fails.
type phase struct{ name atomic.Pointer[string] }

// Phase says in a word how the retention is.
func (r *Retention) Phase() string {
	if name := r.state.name.Load(); name != nil {
		return *name
	}
	return "Waiting" // this replica does not lead
}

func (p *phase) set(name string) { p.name.Store(&name) }

// announce says at the start what will be deleted.
func (r *Retention) announce() {
	metrics.EventRetention.Set(0)
	showFailing("")
	switch {
	case r.Keep == 0:
		r.state.set("KeepsForEver")
		r.Log.Info("Events are kept for ever, and etcd grows with them", "flag", "--event-retention=0")
	case r.URL == "":
		r.state.set("NoArchive")
		r.Log.Info("Nothing is deleted, and etcd grows: set --archive-url to an archive, or to none to delete events without one",
			"retention", r.Keep.String())
	default:
		r.state.set("Looking")
		metrics.EventRetention.Set(r.Keep.Seconds())
	}
}

// end takes back what only a leader reports.
func (r *Retention) end() {
	for _, gauge := range metrics.OfRetention() {
		gauge.Set(0)
	}
	metrics.RetentionFailing.Reset()
	r.state.set("Waiting")
	if r.archive != nil {
		if err := r.archive.Close(); err != nil {
			r.Log.Error(err, "Failed to close the archive")
		}
		r.archive = nil
	}
}

// report publishes how many events there are, how old the oldest is, how large they are, and how large they will be.
func (r *Retention) report(ctx context.Context, found *look, now time.Time) error {
	size, err := r.sizeOfOne(ctx)
	if err != nil {
		return err
	}
	metrics.EventsStored.Set(float64(found.settled))
	metrics.EventsStoredBytes.Set(float64(found.settled) * size)
	metrics.EventsExpectedBytes.Set(expected(found, size, r.Keep, r.Deletes(), now))
	age := time.Duration(0)
	if !found.oldest.IsZero() {
		age = max(0, now.Sub(found.oldest))
	}
	metrics.OldestKeptEvent.Set(age.Seconds())
	return nil
}

// expected is how many bytes the trail will have at the rate of the last week: when events are deleted as fast as they come, or
// after the forecast if none are.
func expected(found *look, size float64, keep time.Duration, deletes bool, now time.Time) float64 {
	span := min(recent, max(now.Sub(found.oldest), 24*time.Hour))
	perSecond := float64(found.lately) / span.Seconds()
	if deletes {
		return perSecond * keep.Seconds() * size
	}
	return (float64(found.settled) + perSecond*forecast.Seconds()) * size
}

// sizeOfOne is the mean size of some events as JSON, in bytes: etcd stores them so.
func (r *Retention) sizeOfOne(ctx context.Context) (float64, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("BillingEventList"))
	var err error
	if ended := r.pace.Do(ctx, func() {
		err = r.Reader.List(ctx, list, client.InNamespace(r.Namespace), client.Limit(sample))
	}); ended != nil {
		return 0, ended
	}
	if err != nil {
		return 0, fmt.Errorf("read some BillingEvents: %w", err)
	}
	total := 0
	for i := range list.Items {
		text, err := list.Items[i].MarshalJSON()
		if err != nil {
			return 0, fmt.Errorf("measure BillingEvent %s: %w", list.Items[i].GetName(), err)
		}
		total += len(text)
	}
	return float64(total) / float64(max(1, len(list.Items))), nil
}

// The causes of a failure, for the metric.
const (
	causeArchive = "archive"
	causeRefused = "refused"
	causeCluster = "cluster"
)

var causes = []string{causeArchive, causeRefused, causeCluster}

func causeOf(err error) string {
	switch _, isRefused := errors.AsType[*refusedError](err); {
	case errors.Is(err, errArchive):
		return causeArchive
	case isRefused, errors.Is(err, errForbidden):
		return causeRefused
	default:
		return causeCluster
	}
}

// showFailing sets the metric: to 1 for the cause, if there is one, and to 0 for the others.
func showFailing(failed string) {
	for _, cause := range causes {
		value := 0.0
		if cause == failed {
			value = 1
		}
		metrics.RetentionFailing.WithLabelValues(cause).Set(value)
	}
}

// fail reports an error: in the log, in the metric, in /readyz and in the ConfigMap. Nothing is lost by it.
func (r *Retention) fail(ctx context.Context, err error, after time.Duration) {
	failed := causeOf(err)
	r.Log.Error(err, "Failed to archive and delete old events, will retry", "cause", failed, "after", after.String())
	showFailing(failed)
	r.state.set("Failing-" + failed)
	if failed == causeArchive && r.archive != nil { // it is opened anew: credentials may have changed
		_ = r.archive.Close()
		r.archive = nil
	}
	r.note(ctx, cut(err.Error()))
}

// succeed reports that everything has gone that was due, but for the events whose deletion is refused.
func (r *Retention) succeed(ctx context.Context, refused error) {
	if refused != nil {
		showFailing(causeRefused)
		r.Log.Error(refused, "Failed to delete some old events, will ask again", "after", interval.String())
		r.state.set("Failing-" + causeRefused)
		r.note(ctx, cut(refused.Error()))
		return
	}
	showFailing("")
	if r.Deletes() {
		metrics.RetentionLastSuccess.Set(float64(r.Clock.Now().Unix()))
		r.state.set("Deletes")
	}
	r.note(ctx, "")
}

// note shows the problem in the ConfigMap, for the doctor, and which archive is in use. That it cannot is no further problem. The first
// note also says that no event is gone, if the archive shows it.
//
// Without --archive-url, the ConfigMap names the former archive further on: it has events, and an erasure must reach it. With none, the
// user has said that there is no archive any more.
func (r *Retention) note(ctx context.Context, problem string) {
	state, err := r.Head.Load(ctx)
	if err != nil {
		return
	}
	next := state
	next.Problem = problem
	if r.URL != "" {
		next.Archive = archiveName(r.URL)
	}
	switch {
	case state.IsNoted() && next.Problem == state.Problem && next.Archive == state.Archive:
		return
	case !state.IsNoted() && problem == "" && !r.Deletes():
		return // there is nothing to say
	}
	if isKnown := problem == "" && r.URL != config.ArchiveNone; !state.IsNoted() && r.Deletes() && !isKnown { // a backup may have left it out
		next.GoneBefore = r.Clock.Now().Add(-r.Keep)
	}
	if _, err := r.Head.Swap(ctx, state, next); err != nil {
		r.Log.Info("Failed to note the problem in the ConfigMap", "reason", err.Error())
	}
}

func cut(text string) string {
	if runes := []rune(text); len(runes) > maxProblem {
		return string(runes[:maxProblem])
	}
	return text
}
