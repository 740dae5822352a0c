package retry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// byAccount is Stripe, which refuses some accounts.
type byAccount struct {
	errs  map[string]error
	asked []string
}

func (s *byAccount) Event(_ context.Context, account, id string) (json.RawMessage, error) {
	s.asked = append(s.asked, account+"/"+id)
	return json.RawMessage(body(id, "customer.subscription.deleted", `"customer": "cus_1", "status": "canceled"`)), s.errs[account]
}

func (s *byAccount) Object(context.Context, string, string, string) (json.RawMessage, time.Time, error) {
	return nil, time.Time{}, errors.New("not asked for")
}

// pages is a reader that lists one event a page. The token of the page after the first has expired.
type pages struct {
	client.Reader
	events    []*v1alpha1.BillingEvent
	isExpired bool
}

func (p *pages) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	var asked client.ListOptions
	asked.ApplyOptions(options)
	at := 0
	if asked.Continue != "" {
		if _, err := fmt.Sscanf(asked.Continue, "at %d", &at); err != nil {
			return err
		}
	}
	if at == 1 && !p.isExpired {
		p.isExpired = true
		expired := apierrors.NewResourceExpired("the token has expired")
		expired.ErrStatus.Continue = asked.Continue
		return expired
	}
	found := list.(*v1alpha1.BillingEventList)
	found.Items = []v1alpha1.BillingEvent{*p.events[at]}
	if at+1 < len(p.events) {
		found.Continue = fmt.Sprintf("at %d", at+1)
	}
	return nil
}

// An account that Stripe refuses holds up no other one, and costs one request. A list that takes long goes on where it was.
func TestOpenerPassesRefusedAccounts(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	var all []*v1alpha1.BillingEvent
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.BillingEvent{})
	for i, account := range []string{"acct_1", "acct_1", "acct_2", ""} {
		all = append(all, event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedUnhandledType, func(e *v1alpha1.BillingEvent) {
			e.Name, e.Namespace = fmt.Sprintf("event-%d", i), "billing"
			e.Spec.EventID, e.Spec.Account = fmt.Sprintf("evt_%d", i), account
		}))
		builder = builder.WithObjects(all[i])
	}
	c := builder.Build()
	for _, e := range all {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
			t.Fatal(err)
		}
	}
	stripe := &byAccount{errs: map[string]error{"acct_1": &stripeapi.RefusalError{Account: "acct_1"}}}
	o := &Opener{
		Client: c, Reader: &pages{events: all}, Namespace: "billing", Log: logr.Discard(), Clock: testingclock.NewFakeClock(now),
		Chance: Chance{Stripe: stripe, Clock: testingclock.NewFakePassiveClock(now), Scope: routing.Scope{Accounts: []string{"acct_1", "acct_2"}}},
	}
	opened, left, err := o.open(t.Context())
	if opened != 2 || left != 0 || !errors.Is(err, errRefusedSome) || !errors.Is(err, stripeapi.ErrAccountRefused) {
		t.Errorf("opened %d, left %d, error %v; want 2, 0 and a refusal of acct_1", opened, left, err)
	}
	if diff := cmp.Diff([]string{"acct_1/evt_0", "acct_2/evt_2", "/evt_3"}, stripe.asked); diff != "" {
		t.Errorf("requests to Stripe (-want +got):\n%s", diff)
	}
}
