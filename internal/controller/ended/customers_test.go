package ended

import (
	"context"
	"errors"
	"testing"

	"github.com/go-logr/logr"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
)

// pages answers each page by what it was asked for.
type pages map[string]func() ([][]string, string, error)

func (p pages) Page(_ context.Context, next string) ([][]string, string, error) { return p[next]() }

func event(account, customerID, linkedTo string) *v1alpha1.BillingEvent {
	return &v1alpha1.BillingEvent{
		Spec:   v1alpha1.BillingEventSpec{Account: account, CustomerID: customerID},
		Status: v1alpha1.BillingEventStatus{CustomerID: linkedTo},
	}
}

func customersOf(list pages) *Customers {
	return New(list, nil, &paging.Pacer{Clock: clock.RealClock{}, Share: 1}, logr.Discard())
}

// check compares which customers, by account and id, may have ended events.
func check(t *testing.T, c *Customers, want map[[2]string]bool) {
	t.Helper()
	for of, has := range want {
		if got := c.MayHave(of[0], of[1]); got != has {
			t.Errorf("customer %s of account %q: %v, want %v", of[1], of[0], got, has)
		}
	}
}

func TestCustomers(t *testing.T) {
	var c *Customers
	list := pages{
		"": func() ([][]string, string, error) { return [][]string{{"", "cus_Ada", ""}, {"", "", ""}}, "2", nil },
		"2": func() ([][]string, string, error) {
			check(t, c, map[[2]string]bool{{"", "cus_Ada"}: true, {"", "cus_New"}: true}) // not all events are listed
			if !c.Has("", "cus_Ada") || c.Has("", "cus_New") {
				t.Error("the first page does not say which customers have ended events")
			}
			return [][]string{{"acct_1", "cus_Ben", ""}, {"", "", "cus_Cleo"}}, "", nil
		},
	}
	c = customersOf(list)
	if err := c.list(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, c, map[[2]string]bool{
		{"", "cus_Ada"}: true, {"acct_1", "cus_Ben"}: true, {"", "cus_Ben"}: false, {"", "cus_Cleo"}: true, {"", "cus_New"}: false, {"", ""}: false,
	})
	c.noteEnded(event("", "cus_New", ""))
	c.noteEnded(event("acct_1", "", "cus_Dan"))
	c.noteEnded(event("", "", ""))
	c.noteEnded(toolscache.DeletedFinalStateUnknown{Obj: event("", "cus_Eve", "")})
	c.NoteEnding("", "cus_Gus")
	check(t, c, map[[2]string]bool{
		{"", "cus_New"}: true, {"acct_1", "cus_Dan"}: true, {"", "cus_Eve"}: true, {"", "cus_Flo"}: false, {"", "cus_Gus"}: true,
	})
}

// While the events cannot be listed, each customer may have some.
func TestAListThatFails(t *testing.T) {
	c := customersOf(pages{"": func() ([][]string, string, error) { return nil, "", errors.New("no column Linked") }})
	if err := c.list(t.Context()); err == nil {
		t.Fatal("no error")
	}
	check(t, c, map[[2]string]bool{{"", "cus_New"}: true})
}

// An event that ended while the watch was interrupted, and whose customer is not known, has the events listed again.
func TestAnInterruptedWatch(t *testing.T) {
	interrupt := func(c *Customers) { c.noteEnded(toolscache.DeletedFinalStateUnknown{Obj: event("", "", "")}) }
	listed := 0
	c := customersOf(nil)
	c.Rows = pages{"": func() ([][]string, string, error) {
		if listed++; listed == 2 {
			interrupt(c) // while it lists
			interrupt(c)
		}
		return nil, "", nil
	}}
	for want, step := range []func() bool{
		func() bool { return !c.MayHave("", "cus_New") },
		func() bool { interrupt(c); <-c.relist; return c.MayHave("", "cus_New") },
		func() bool { return c.MayHave("", "cus_New") }, // the list may have been before
		func() bool { <-c.relist; return c.MayHave("", "cus_New") },
	} {
		if want%2 == 0 {
			if err := c.list(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !step() {
			t.Errorf("after step %d, whether all is known: %v", want, c.isWhole)
		}
	}
}
