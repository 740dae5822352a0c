package main

import (
	"context"
	"errors"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// stop scales a workload to zero, and notes its replicas on it. It reports whether that changed anything, as resume does.
func stop(workload *metav1.ObjectMeta, replicas *int32) bool {
	if *replicas == 0 {
		return false
	}
	metav1.SetMetaDataAnnotation(workload, annotationReplicas, strconv.Itoa(int(*replicas)))
	*replicas = 0
	return true
}

// resume scales a workload to what stop noted. One that the tenant had scaled to zero has no note, and stays there.
func resume(workload *metav1.ObjectMeta, replicas *int32) bool {
	noted, err := strconv.ParseInt(workload.Annotations[annotationReplicas], 10, 32)
	if err != nil {
		return false
	}
	delete(workload.Annotations, annotationReplicas)
	*replicas = int32(noted)
	return true
}

// scaleAll scales the Deployments and StatefulSets of a namespace.
func (t *tenants) scaleAll(ctx context.Context, namespace string, change func(*metav1.ObjectMeta, *int32) bool) error {
	var deployments appsv1.DeploymentList
	var sets appsv1.StatefulSetList
	err := errors.Join(t.List(ctx, &deployments, client.InNamespace(namespace)), t.List(ctx, &sets, client.InNamespace(namespace)))
	for i := range deployments.Items {
		d := &deployments.Items[i]
		err = errors.Join(err, t.scale(ctx, d, &d.ObjectMeta, d.Spec.Replicas, change))
	}
	for i := range sets.Items {
		s := &sets.Items[i]
		err = errors.Join(err, t.scale(ctx, s, &s.ObjectMeta, s.Spec.Replicas, change))
	}
	return err
}

// scale writes a workload if change changes it. A conflict is an error: the workload is looked at again.
func (t *tenants) scale(
	ctx context.Context, workload client.Object, meta *metav1.ObjectMeta, replicas *int32, change func(*metav1.ObjectMeta, *int32) bool,
) error {
	before := workload.DeepCopyObject().(client.Object)
	if !change(meta, replicas) {
		return nil
	}
	return client.IgnoreNotFound(t.Patch(ctx, workload, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}
