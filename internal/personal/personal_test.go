package personal

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// fill gives every field of a value a content, and every list and map one entry.
func fill(v reflect.Value, depth int) {
	switch {
	case v.Type() == reflect.TypeFor[metav1.Time]():
		v.Set(reflect.ValueOf(metav1.NewTime(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))))
	case v.Type() == reflect.TypeFor[metav1.FieldsV1](), v.Type() == reflect.TypeFor[metav1.MicroTime](), depth > 12:
	case v.Kind() == reflect.String:
		v.SetString("Ada Lovelace")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(7)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(field, depth+1)
			}
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case v.Kind() == reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), element)
	}
}

// filled is an event with every field there is.
func filled() *v1alpha1.BillingEvent {
	e := &v1alpha1.BillingEvent{}
	fill(reflect.ValueOf(e).Elem(), 0)
	e.ManagedFields, e.OwnerReferences, e.Finalizers = nil, nil, nil
	e.Labels = map[string]string{v1alpha1.LabelCustomerID: "cus_Ada", v1alpha1.LabelRetry: "x", "team": "x"}
	return e
}

func leaves(value any, path string, found map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			leaves(field, strings.TrimPrefix(path+"."+key, "."), found)
		}
	case []any:
		for _, entry := range v {
			leaves(entry, path, found)
		}
	default:
		found[path] = true
	}
}

// personalFields are all fields that an erasure takes out. A field that is added to the API comes here by itself, until it is
// listed as public: then decide, and write the decision down here or there.
var personalFields = strings.Fields(`
	metadata.annotations.key metadata.deletionGracePeriodSeconds metadata.deletionTimestamp metadata.generateName
	metadata.labels.billing.tollkeeper.dev/retry metadata.labels.team metadata.selfLink
	spec.checkout.clientReferenceID spec.checkout.email spec.checkout.metadata.key spec.checkout.name
	spec.customer.email spec.customer.metadata.key spec.customer.name spec.customer.stateAfter spec.customer.stateBefore
	spec.discount.couponID
	spec.invoice.email spec.invoice.name spec.invoice.stateAfter spec.invoice.stateBefore
	spec.payment.failure.message spec.payment.metadata.key
	spec.payment.paymentMethod.brand spec.payment.paymentMethod.expMonth spec.payment.paymentMethod.expYear
	spec.payment.paymentMethod.expiring spec.payment.paymentMethod.last4
	spec.paymentMethod.brand spec.paymentMethod.expMonth spec.paymentMethod.expYear spec.paymentMethod.expiring
	spec.paymentMethod.last4
	spec.setup.failure.message spec.setup.paymentMethod.brand spec.setup.paymentMethod.expMonth
	spec.setup.paymentMethod.expYear spec.setup.paymentMethod.expiring spec.setup.paymentMethod.last4
	status.endedDismissal status.retried
`)

func TestWhatIsPersonal(t *testing.T) {
	e := filled()
	before := map[string]bool{}
	leaves(must(generic(e)), "", before)
	public, _ := Split(e)
	after := map[string]bool{}
	leaves(must(generic(public)), "", after)
	var gone []string
	for path := range before {
		// What is refetched is like spec.
		if below, is := strings.CutPrefix(path, "status.refetched."); is && after[path] != after["spec."+below] {
			t.Errorf("%s stays: %t, and spec's: %t", path, after[path], after["spec."+below])
		} else if !is && !after[path] {
			gone = append(gone, path)
		}
	}
	slices.Sort(gone)
	want := slices.Sorted(slices.Values(personalFields))
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("personal fields (-want +got):\n%s", diff)
	}
	if len(after) < 150 {
		t.Errorf("only %d fields stay", len(after))
	}
}

func TestMergeGivesTheWholeEventBack(t *testing.T) {
	amount := int64(1<<60 + 1)
	for name, e := range map[string]*v1alpha1.BillingEvent{
		"every field": filled(),
		"nothing":     {},
		"a large amount": {Spec: v1alpha1.BillingEventSpec{
			Discount: &v1alpha1.DiscountRecord{CouponID: "ADA", AmountOff: &amount},
		}},
		"markup": {Spec: v1alpha1.BillingEventSpec{Customer: &v1alpha1.CustomerRecord{Name: "<Ada> & \u2028 sons", Email: "a@b"}}},
		"a list whose entries have personal data": {Status: v1alpha1.BillingEventStatus{
			Refetched: &v1alpha1.BillingEventSpec{Customer: &v1alpha1.CustomerRecord{Name: "Ada"}, Warnings: []string{"a", "b"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before := e.DeepCopy()
			public, patch := Split(e)
			if diff := cmp.Diff(before, e); diff != "" {
				t.Errorf("Split changed the event:\n%s", diff)
			}
			if patch == nil {
				patch = []byte("{}")
			}
			merged, err := Merge(public, patch)
			if err != nil {
				t.Fatal(err)
			}
			want, got := must(json.Marshal(e)), must(json.Marshal(merged))
			if string(want) != string(got) {
				t.Errorf("want %s\ngot  %s", want, got)
			}
			if Has(Redact(e)) {
				t.Error("the redacted event has personal data")
			}
		})
	}
}

func TestSplit(t *testing.T) {
	e := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
		EventID: "evt_1", CustomerID: "cus_Ada",
		Payment: &v1alpha1.PaymentRecord{
			Status: "succeeded", Amount: 500, Currency: "usd", Metadata: map[string]v1alpha1.Value{"access": "30d", "note": "for Ada"},
			PaymentMethod: &v1alpha1.PaymentMethod{ID: "pm_1", Kind: "card", Brand: "visa", Last4: "4242", ExpMonth: 7, ExpYear: 2027},
		},
	}}
	public, patch := Split(e)
	want := `{"spec":{"payment":{"metadata":{"access":"30d","note":"for Ada"},"paymentMethod":{"brand":"visa","expMonth":7,"expYear":2027,"last4":"4242"}}}}`
	if diff := cmp.Diff(want, string(patch)); diff != "" {
		t.Errorf("personal (-want +got):\n%s", diff)
	}
	wantPublic := e.DeepCopy()
	wantPublic.Spec.Payment.Metadata = nil
	wantPublic.Spec.Payment.PaymentMethod = &v1alpha1.PaymentMethod{ID: "pm_1", Kind: "card"}
	if diff := cmp.Diff(wantPublic, public); diff != "" {
		t.Errorf("public (-want +got):\n%s", diff)
	}
}

// A list stays without the personal data of its entries, and the patch has it whole: a merge patch replaces a list.
func TestSplitList(t *testing.T) {
	public, taken := split([]any{map[string]any{"id": "pm_1", "last4": "4242"}, map[string]any{"id": "pm_2"}}, []string{"spec", "methods"})
	if diff := cmp.Diff([]any{map[string]any{"id": "pm_1"}, map[string]any{"id": "pm_2"}}, public); diff != "" {
		t.Errorf("public (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{map[string]any{"id": "pm_1", "last4": "4242"}, map[string]any{"id": "pm_2"}}, taken); diff != "" {
		t.Errorf("personal (-want +got):\n%s", diff)
	}
}
