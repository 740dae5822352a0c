package events

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// handled are the types that the operator must handle, by name.
var handled = []string{
	"charge.captured",
	"charge.dispute.closed",
	"charge.dispute.created",
	"charge.dispute.funds_reinstated",
	"charge.dispute.funds_withdrawn",
	"charge.dispute.updated",
	"charge.expired",
	"charge.failed",
	"charge.pending",
	"charge.refund.updated",
	"charge.refunded",
	"charge.succeeded",
	"charge.updated",
	"checkout.session.async_payment_failed",
	"checkout.session.async_payment_succeeded",
	"checkout.session.completed",
	"checkout.session.expired",
	"customer.created",
	"customer.deleted",
	"customer.discount.created",
	"customer.discount.deleted",
	"customer.discount.updated",
	"customer.source.created",
	"customer.source.deleted",
	"customer.source.expiring",
	"customer.source.updated",
	"customer.subscription.created",
	"customer.subscription.deleted",
	"customer.subscription.paused",
	"customer.subscription.pending_update_applied",
	"customer.subscription.pending_update_expired",
	"customer.subscription.resumed",
	"customer.subscription.trial_will_end",
	"customer.subscription.updated",
	"customer.updated",
	"entitlements.active_entitlement_summary.updated",
	"invoice.created",
	"invoice.deleted",
	"invoice.finalization_failed",
	"invoice.finalized",
	"invoice.marked_uncollectible",
	"invoice.overdue",
	"invoice.paid",
	"invoice.payment_action_required",
	"invoice.payment_failed",
	"invoice.payment_succeeded",
	"invoice.upcoming",
	"invoice.updated",
	"invoice.voided",
	"invoice_payment.paid",
	"payment_intent.canceled",
	"payment_intent.created",
	"payment_intent.payment_failed",
	"payment_intent.processing",
	"payment_intent.requires_action",
	"payment_intent.succeeded",
	"payment_method.attached",
	"payment_method.automatically_updated",
	"payment_method.detached",
	"payment_method.updated",
	"price.updated",
	"product.updated",
	"radar.early_fraud_warning.created",
	"refund.created",
	"refund.failed",
	"refund.updated",
	"setup_intent.canceled",
	"setup_intent.created",
	"setup_intent.failed",
	"setup_intent.requires_action",
	"setup_intent.setup_failed",
	"setup_intent.succeeded",
	"subscription_schedule.aborted",
	"subscription_schedule.canceled",
	"subscription_schedule.completed",
	"subscription_schedule.created",
	"subscription_schedule.expiring",
	"subscription_schedule.released",
	"subscription_schedule.updated",
}

func TestCatalogue(t *testing.T) {
	var names []string
	for _, registered := range All() {
		names = append(names, registered.Name)
	}
	if diff := cmp.Diff(handled, names); diff != "" {
		t.Errorf("types in the catalogue (-want +got):\n%s", diff)
	}
	folders, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	names = nil
	for _, folder := range folders {
		names = append(names, folder.Name())
	}
	if diff := cmp.Diff(handled, names); diff != "" {
		t.Errorf("folders of testdata (-want +got):\n%s", diff)
	}
}

// Every type has a source file, a test, and payloads of more than one API version.
func TestEveryTypeIsComplete(t *testing.T) {
	for _, name := range handled {
		t.Run(name, func(t *testing.T) {
			got, ok := Lookup(name)
			isFolded := got.Record != "" && got.Does != "" && len(got.effects) > 0
			isRecorded := got.RecordedOnly != "" && got.Does == "" && got.effects == nil
			if !ok || got.Name != name || got.read == nil || isFolded == isRecorded {
				t.Errorf("Lookup(%q) = %+v, %t: a part is missing", name, got, ok)
			}
			file := strings.ReplaceAll(name, ".", "_")
			for _, path := range []string{file + ".go", file + "_test.go"} {
				if _, err := os.Stat(path); err != nil {
					t.Error(err)
				}
			}
			var versions []string
			for _, payloadName := range payloads(t, name) {
				e, err := decoder.Decode(payload(t, name, payloadName))
				if err != nil {
					t.Fatal(err)
				}
				if e.Type != name || e.DecodeError != "" {
					t.Errorf("%s is of type %s, with the error %q", payloadName, e.Type, e.DecodeError)
				}
				if record := records(t, e); strings.Join(record, " and ") != got.Record {
					t.Errorf("%s has the records %v, want %q only", payloadName, record, got.Record)
				}
				versions = append(versions, e.APIVersion)
			}
			slices.Sort(versions)
			if len(slices.Compact(versions)) < 2 {
				t.Error("payloads of one API version only")
			}
		})
	}
}

// records lists the event's records by their fields in BillingEvent.spec.
func records(t *testing.T, e *projection.Event) []string {
	t.Helper()
	var names []string
	spec := reflect.ValueOf(*e)
	for i := range spec.NumField() {
		if field := spec.Field(i); field.Kind() == reflect.Pointer && !field.IsNil() {
			name, _, _ := strings.Cut(spec.Type().Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

func TestRegisteringATypeTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a type went into the catalogue twice")
		}
	}()
	register(Type{Name: "invoice.paid"})
}

// The ids in testdata are invented, and each occurs once.
func TestEventIDsAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, name := range handled {
		for _, payloadName := range payloads(t, name) {
			var envelope struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(payload(t, name, payloadName), &envelope); err != nil {
				t.Fatal(err)
			}
			if other, twice := seen[envelope.ID]; twice {
				t.Errorf("%s/%s and %s share the id %s", name, payloadName, other, envelope.ID)
			}
			seen[envelope.ID] = name + "/" + payloadName
		}
	}
}

func TestLabel(t *testing.T) {
	for name, tc := range map[string]struct{ eventType, want string }{
		"handled":     {"invoice.paid", "invoice.paid"},
		"recorded":    {"price.updated", "price.updated"},
		"not handled": {"plan.updated", "other"},
		"made up":     {"x{y=\"z\"}", "other"},
		"empty":       {"", "other"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Label(tc.eventType)); diff != "" {
				t.Errorf("Label(%q) (-want +got):\n%s", tc.eventType, diff)
			}
		})
	}
}

func TestATypeThatIsNotHandledHasNoEffects(t *testing.T) {
	e := &projection.Event{Type: "plan.updated"}
	if got := Change(e); got.Event != e || got.Effects != nil {
		t.Errorf("Change = %+v, want the event without effects", got)
	}
}
