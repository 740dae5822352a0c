package yield

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestWait(t *testing.T) {
	for _, tc := range []struct {
		name      string
		recording int
		endAfter  time.Duration // when one of them ends; 0 if none does
		want      time.Duration
	}{
		{name: "nothing is being recorded"},
		{name: "few events", recording: few},
		{name: "many events", recording: few + 1, want: longest},
		{name: "many events, until few are left", recording: few + 1, endAfter: longest / 2, want: longest / 2},
		{name: "too many for one end to help", recording: few + 2, endAfter: longest / 2, want: longest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gate Gate
				var end func()
				for range tc.recording {
					end = gate.Begin()
				}
				if tc.endAfter > 0 {
					time.AfterFunc(tc.endAfter, end)
				}
				begin := time.Now()
				gate.Wait(t.Context())
				if got := time.Since(begin); got != tc.want {
					t.Errorf("waited %s, want %s", got, tc.want)
				}
			})
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gate Gate
		for range few + 1 {
			gate.Begin()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		if gate.Wait(ctx); time.Since(begin) > 0 {
			t.Errorf("waited %s", time.Since(begin))
		}
	})
}

// Every kind of write that the controllers make gives way, and is made.
func TestEveryWriteGivesWay(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	customer := func() *v1alpha1.Customer {
		c := &v1alpha1.Customer{}
		c.Namespace, c.Name = "billing", "cus-ada"
		return c
	}
	for name, write := range map[string]func(context.Context, client.Client) error{
		"create":        func(ctx context.Context, c client.Client) error { return c.Create(ctx, customer()) },
		"update":        func(ctx context.Context, c client.Client) error { return c.Update(ctx, customer()) },
		"delete":        func(ctx context.Context, c client.Client) error { return c.Delete(ctx, customer()) },
		"status update": func(ctx context.Context, c client.Client) error { return c.Status().Update(ctx, customer()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, made := time.Now(), time.Duration(-1)
				note := func() { made = time.Since(begin) }
				below := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
					Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
						note()
						return nil
					},
					Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
						note()
						return nil
					},
					SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
						note()
						return nil
					},
				}).Build()
				var gate Gate
				for range few + 1 {
					gate.Begin()
				}
				if err := write(t.Context(), Client(below, &gate)); err != nil {
					t.Fatal(err)
				}
				if made != longest {
					t.Errorf("made after %s, want %s", made, longest)
				}
			})
		})
	}
}
