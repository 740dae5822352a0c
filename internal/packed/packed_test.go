package packed

import (
	"context"
	"encoding/json"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// What is unpacked is what was packed, also the fields that encode themselves.
func TestWhatIsUnpackedWasPacked(t *testing.T) {
	earlier := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "cus-1", ResourceVersion: "7"}}
	if err := json.Unmarshal([]byte(`{"spec":{"customerID":"cus_<&>","gracePeriod":"72h0m0s","override":{"access":"Granted","until":"2026-03-10T12:00:00Z"}},
		"status":{"changedAt":"2026-03-10T12:00:00.000001Z","notified":{"changedAt":"2026-03-10T12:00:00.000001Z","at":"2026-03-10T12:00:01Z","sink":"s"},
		"positions":{"profile":{"authority":"State","created":"2026-03-10T12:00:00Z","eventID":"evt_1"}}}}`), earlier); err != nil {
		t.Fatal(err)
	}
	if len(earlier.Status.EarlierPositions) == 0 || earlier.Status.Notified == nil {
		t.Fatalf("the case shows nothing: %+v", earlier.Status)
	}
	for name, whole := range map[string]client.Object{
		"a customer": sampleOf(t, customers), "a subscription": sampleOf(t, subscriptions), "an empty customer": &v1alpha1.Customer{},
		"an earlier version's memory": earlier,
	} {
		packed, isPacked := kindOf(whole).pack(whole).(*object)
		if !isPacked {
			t.Fatalf("%s is not packed", name)
		}
		if diff := cmp.Diff(whole, packed.DeepCopyObject(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-packed +unpacked):\n%s", name, diff)
		}
		if diff := cmp.Diff(namesOf(whole), named(packed)); diff != "" {
			t.Errorf("%s by name (-want +got):\n%s", name, diff)
		}
		known := packed.GetObjectMeta()
		got := [3]string{known.GetNamespace(), known.GetName(), known.GetResourceVersion()}
		if want := [3]string{whole.GetNamespace(), whole.GetName(), whole.GetResourceVersion()}; got != want {
			t.Errorf("%s is known as %v, want %v", name, got, want)
		}
		if diff := cmp.Diff(whole.GetLabels(), known.GetLabels(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("labels of %s (-want +got):\n%s", name, diff)
		}
	}
}

// namesOf is what ByName shows of an object.
func namesOf(whole client.Object) client.Object {
	known := metav1.ObjectMeta{Namespace: whole.GetNamespace(), Name: whole.GetName(), ResourceVersion: whole.GetResourceVersion()}
	if s, ok := whole.(*v1alpha1.Subscription); ok {
		return &v1alpha1.Subscription{ObjectMeta: known, Spec: v1alpha1.SubscriptionSpec{CustomerRef: s.Spec.CustomerRef}}
	}
	return &v1alpha1.Customer{ObjectMeta: known}
}

// What a queue keeps of an object by name does not keep the packed object.
func TestNamesShareNoMemoryWithThePacked(t *testing.T) {
	packed := subscriptions.pack(sampleOf(t, subscriptions)).(*object)
	s := named(packed).(*v1alpha1.Subscription)
	begin := uintptr(unsafe.Pointer(unsafe.StringData(packed.text)))
	for what, text := range map[string]string{"name": s.Name, "version": s.ResourceVersion, "customer's name": s.Spec.CustomerRef.Name} {
		if at := uintptr(unsafe.Pointer(unsafe.StringData(text))); begin <= at && at < begin+uintptr(len(packed.text)) {
			t.Errorf("the %s is a part of the packed text", what)
		}
	}
}

// A customer whose text cannot be decoded again stays as it is: the process must not end because of it.
func TestWhatCannotBeUnpackedIsNotPacked(t *testing.T) {
	for _, until := range []string{"9999-12-31T23:59:59-05:00", "0000-01-01T00:00:00+01:00"} {
		c := &v1alpha1.Customer{}
		if err := json.Unmarshal([]byte(`{"spec":{"override":{"access":"Granted","until":"`+until+`"}}}`), c); err != nil {
			t.Fatal(err)
		}
		if got := customers.pack(c); got != any(c) {
			t.Errorf("%s: a Customer became %T", until, got)
		}
	}
}

// Whatever is not of the kind stays as it is, and what is packed is not packed again.
func TestOtherThingsAreNotPacked(t *testing.T) {
	packed := customers.pack(sampleOf(t, customers))
	for _, o := range []any{&v1alpha1.Email{}, sampleOf(t, subscriptions), packed, toolscache.DeletedFinalStateUnknown{Obj: packed}} {
		if got := customers.pack(o); got != o {
			t.Errorf("%T became %T", o, got)
		}
	}
}

// The store holds packed objects; handlers and indexes get whole ones, or only what is known by name.
func TestEveryWayOutOfAnInformer(t *testing.T) {
	source := watch.NewFake()
	sample := sampleOf(t, customers).(*v1alpha1.Customer)
	i := NewInformer(listing(sample, source), &v1alpha1.Customer{}, 0, toolscache.Indexers{
		toolscache.NamespaceIndex: toolscache.MetaNamespaceIndexFunc,
	})
	if err := i.SetTransform(func(o any) (any, error) {
		o.(metav1.Object).SetManagedFields(nil)
		return o, nil
	}); err != nil {
		t.Fatal(err)
	}
	byEmail := func(o any) ([]string, error) {
		email := o.(*v1alpha1.Customer).Status.Email
		return []string{"ns/" + email, allNamespaces + email}, nil
	}
	if err := i.AddIndexers(toolscache.Indexers{"email": byEmail}); err != nil {
		t.Fatal(err)
	}
	got := make(chan [2]*v1alpha1.Customer, 8)
	byName := make(chan *v1alpha1.Customer, 8)
	whole := toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { got <- [2]*v1alpha1.Customer{nil, o.(*v1alpha1.Customer)} },
		UpdateFunc: func(before, after any) {
			got <- [2]*v1alpha1.Customer{before.(*v1alpha1.Customer), after.(*v1alpha1.Customer)}
		},
		DeleteFunc: func(o any) { got <- [2]*v1alpha1.Customer{o.(*v1alpha1.Customer), nil} },
	}
	names := toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { byName <- o.(*v1alpha1.Customer) },
		DeleteFunc: func(o any) { byName <- o.(*v1alpha1.Customer) },
	}
	if _, err := i.AddEventHandler(whole); err != nil {
		t.Fatal(err)
	}
	if _, err := (byNameInformer{i}).AddEventHandlerWithOptions(names, toolscache.HandlerOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go i.RunWithContext(ctx)
	if !toolscache.WaitForCacheSync(ctx.Done(), i.HasSynced) {
		t.Fatal("no sync")
	}
	changed := sample.DeepCopy()
	changed.ResourceVersion, changed.Status.Email = "900", "new@example.com"
	await := func(want [2]*v1alpha1.Customer) {
		t.Helper()
		select {
		case pair := <-got:
			if diff := cmp.Diff(want, pair, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the handler got (-want +got):\n%s", diff)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no notification")
		}
	}
	await([2]*v1alpha1.Customer{nil, sample})
	if diff := cmp.Diff(namesOf(sample), client.Object(<-byName)); diff != "" {
		t.Errorf("by name (-want +got):\n%s", diff)
	}
	source.Modify(changed.DeepCopy())
	await([2]*v1alpha1.Customer{sample, changed})
	stored, err := i.GetIndexer().ByIndex("email", "ns/new@example.com")
	if err != nil || len(stored) != 1 {
		t.Fatalf("%d by the index, %v", len(stored), err)
	}
	if diff := cmp.Diff(changed, stored[0].(*object).DeepCopyObject(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the copy (-want +got):\n%s", diff)
	}
	if values := i.GetIndexer().ListIndexFuncValues("email"); len(values) != 1 {
		t.Errorf("the index holds %v", values)
	}
	if _, err := i.GetIndexer().ByIndex("email", allNamespaces+"new@example.com"); err == nil {
		t.Error("what the index does not hold is not refused")
	}
	if _, err := i.GetIndexer().IndexKeys("email", allNamespaces+"new@example.com"); err == nil {
		t.Error("the keys that the index does not hold are not refused")
	}
	source.Delete(changed.DeepCopy())
	await([2]*v1alpha1.Customer{changed, nil})
	if diff := cmp.Diff(changed, <-byName, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a deleted one is whole, also by name (-want +got):\n%s", diff)
	}
}

// What was unpacked last is shared, and not more than a few objects are held.
func TestRecent(t *testing.T) {
	var r recent
	first := customers.pack(sampleOf(t, customers))
	if r.whole(first) != r.whole(first) {
		t.Error("unpacked twice")
	}
	for range 3 * remembered {
		r.whole(customers.pack(sampleOf(t, customers)))
	}
	if len(r.objects) != remembered {
		t.Errorf("%d are held, want %d", len(r.objects), remembered)
	}
}
