package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
)

// oldDays is how old the events are that the retention deletes.
const oldDays = 60

// retention measures what the receiver takes while old events are archived and deleted, against what it takes beside the same events
// while they stay. In the end every event is in the cluster or in the archive.
func (b *bench) retention(ctx context.Context, o options) (found figures, err error) {
	found = figures{}
	namespace, err := b.namespace(ctx, "retention")
	if err != nil {
		return found, err
	}
	known, err := b.addOldEvents(ctx, namespace, o.retention, found)
	if err != nil {
		return found, err
	}
	r := &retentionRun{bench: b, options: o, namespace: namespace, known: known, folder: filepath.Join(b.folder, b.next("archive"))}
	before, err := r.beside(ctx)
	if err != nil {
		return found, fmt.Errorf("before the retention: %w", err)
	}
	during, err := r.during(ctx, found)
	if err != nil {
		return found, fmt.Errorf("during the retention: %w", err)
	}
	after, err := r.beside(ctx)
	if err != nil {
		return found, fmt.Errorf("after the retention: %w", err)
	}
	found["retention: acknowledged a second, without it before"] = before
	found["retention: acknowledged a second, during it"] = during
	found["retention: acknowledged a second, without it after"] = after
	found["retention: acknowledged during ÷ without"] = during / ((before + after) / 2)
	return found, r.compare(ctx, found)
}

// addOldEvents puts settled events into etcd, and notes what memory they take in the API server. It returns their ids.
func (b *bench) addOldEvents(ctx context.Context, namespace string, n int, found figures) (map[string]bool, error) {
	const atOnce = 10_000
	empty, err := b.apiserver.resident()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for n > len(known) {
		objects, err := b.exemplar.settledEvents(namespace, b.next("O"), min(atOnce, n-len(known)))
		if err != nil {
			return nil, err
		}
		for i := range objects {
			id, err := objects[i].age(time.Now().AddDate(0, 0, -oldDays-i%3))
			if err != nil {
				return nil, err
			}
			known[id] = true
		}
		if err := b.put(ctx, objects); err != nil {
			return nil, err
		}
		if err := b.awaitCached(ctx, namespace, &v1alpha1.BillingEventList{}, objects[len(objects)-1].name); err != nil {
			return nil, err
		}
	}
	full, err := b.apiserver.resident()
	found["retention: API server's memory for 100,000 events in MiB"] = (full - empty) / (1 << 20) / float64(n) * 100_000
	return known, err
}

// age makes the event one that Stripe created, and that was settled, at that time. It returns the event's id.
func (s *stored) age(at time.Time) (id string, err error) {
	var o unstructured.Unstructured
	if err := json.Unmarshal(s.value, &o.Object); err != nil {
		return "", err
	}
	text := at.UTC().Format(time.RFC3339)
	err = errors.Join(
		unstructured.SetNestedField(o.Object, text, "spec", "created"),
		unstructured.SetNestedField(o.Object, text, "status", "processedAt"))
	if err == nil {
		s.value, err = json.Marshal(o.Object)
	}
	id, _, _ = unstructured.NestedString(o.Object, "spec", "eventID")
	return id, err
}

// retentionRun is the state of one measurement.
type retentionRun struct {
	*bench
	options
	namespace, folder string
	known             map[string]bool // the ids of all events that were put in, or acknowledged
}

// beside measures the load while nothing is deleted: what the receiver acknowledges a second.
func (r *retentionRun) beside(ctx context.Context) (rate float64, err error) {
	m, err := r.startManager(ctx, r.namespace, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	return r.rounds(ctx, m)
}

// during measures the same load while old events are archived and deleted. Then half of it flows until all of them are gone.
func (r *retentionRun) during(ctx context.Context, found figures) (rate float64, err error) {
	m, err := r.startManager(ctx, r.namespace, false, "--archive-url=file://"+r.folder, "--event-retention=744h")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	before, err := r.usage(ctx, m)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if rate, err = r.rounds(ctx, m); err != nil {
		return 0, err
	}
	deleted, err := r.deleted(ctx, m)
	if err != nil {
		return 0, err
	}
	found["retention: deleted a second under the full load"] = deleted / time.Since(begin).Seconds()
	found["retention: deleted under the full load"] = deleted
	half := time.Now()
	wasLeft := float64(r.options.retention) - deleted
	for shown := time.Now(); int(deleted) < r.options.retention; {
		if _, err := r.round(ctx, m, time.Duration(2*float64(r.customers*len(r.exemplar.events))/rate*float64(time.Second))); err != nil {
			return 0, err
		}
		if deleted, err = r.deleted(ctx, m); err != nil {
			return 0, err
		}
		if time.Since(shown) > time.Minute {
			fmt.Printf("%.0f of %d old events are deleted\n", deleted, r.options.retention)
			shown = time.Now()
		}
	}
	if wasLeft > 0 {
		found["retention: deleted a second under half the load"] = wasLeft / time.Since(half).Seconds()
	}
	found["retention: minutes until all are gone"] = time.Since(begin).Minutes()
	after, err := r.usage(ctx, m)
	if err != nil {
		return 0, err
	}
	found["retention: manager CPU ÷ API server CPU"] = ratio(after.manager-before.manager, after.apiserver-before.apiserver)
	peak, err := m.memory()
	found["retention: manager's peak memory in MiB"] = peak / (1 << 20)
	return rate, err
}

// deleted is how many events the manager has deleted.
func (r *retentionRun) deleted(ctx context.Context, m *manager) (float64, error) {
	text, err := fetch(ctx, m.metrics)
	if err != nil {
		return 0, err
	}
	all, err := families(text)
	series := all["tollkeeper_events_deleted_total"].GetMetric()
	if err != nil || len(series) != 1 {
		return 0, errors.Join(errors.New("the manager does not say how many events it has deleted"), err)
	}
	return series[0].GetCounter().GetValue(), nil
}

// rounds posts the load some times, as fast as it is acknowledged. It returns how much that is a second.
func (r *retentionRun) rounds(ctx context.Context, m *manager) (rate float64, err error) {
	events, took := 0, time.Duration(0)
	for range r.options.rounds {
		begin := time.Now()
		s, err := r.round(ctx, m, 0)
		if err != nil {
			return 0, err
		}
		events, took = events+len(s.took), took+s.end.Sub(begin)
	}
	return float64(events) / took.Seconds(), nil
}

// round posts the events of new customers over the time, and waits until all are settled.
func (r *retentionRun) round(ctx context.Context, m *manager, over time.Duration) (*sender, error) {
	s, begin := newSender(m.endpoint, r.customers), time.Now()
	prefix := r.next("L")
	for i := range r.customers {
		planned := signedUp(fmt.Sprintf("%sx%08d", prefix, i), time.Now()).take()
		for _, e := range planned {
			r.known[e.ID] = true
		}
		s.add(i, begin.Add(over*time.Duration(i)/time.Duration(r.customers)), planned, atOnce)
	}
	return s, errors.Join(s.run(ctx, concurrency), r.awaitSettled(ctx, r.namespace))
}

// compare notes how many of the events are neither in the cluster nor in the archive, and what the archive takes.
func (r *retentionRun) compare(ctx context.Context, found figures) error {
	kept, next := map[string]bool{}, ""
	for {
		var page v1alpha1.BillingEventList
		if err := r.plane.Client.List(ctx, &page, client.InNamespace(r.namespace), client.Limit(500), client.Continue(next)); err != nil {
			return err
		}
		for i := range page.Items {
			kept[page.Items[i].Spec.EventID] = true
		}
		if next = page.Continue; next == "" {
			break
		}
	}
	a, err := archive.Open(ctx, "file://"+r.folder)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	archived, again, bytes, head := map[string]bool{}, 0, int64(0), archive.Head{}
	for {
		batch, err := a.Next(ctx, head)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		for _, ref := range batch.Events {
			if archived[ref.EventID] {
				again++
			}
			archived[ref.EventID] = true
		}
		head, bytes = batch.Head, bytes+batch.Bytes
	}
	lost, both := 0, 0
	for id := range r.known {
		if !kept[id] && !archived[id] {
			lost++
		}
		if kept[id] && archived[id] {
			both++
		}
	}
	found["retention: events recorded"] = float64(len(r.known))
	found["retention: events in the cluster"] = float64(len(kept))
	found["retention: events in the archive"] = float64(len(archived))
	found["retention: events in both"] = float64(both)
	found["retention: events archived again"] = float64(again)
	found["retention: events lost"] = float64(lost)
	found["retention: batches"] = float64(head.Batch)
	found["retention: bytes an event in the archive"] = float64(bytes) / float64(max(1, head.Events))
	if lost > 0 || len(kept)+len(archived)-both != len(r.known) {
		return fmt.Errorf("%d of %d events are lost: the archive has %d, the cluster %d", lost, len(r.known), len(archived), len(kept))
	}
	return nil
}
