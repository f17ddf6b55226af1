// Package disks is the test cluster's volume provisioner. A volume is a folder that all nodes share, so it follows its pod to
// another node as a cloud disk does. The provisioner runs on the machine that holds the folders: it makes and removes them itself,
// and needs no pod for it.
package disks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

const (
	// Name is what a StorageClass calls this provisioner by.
	Name = "stateful.test/shared-disk"

	// Where a node sees the folder of all volumes.
	nodeFolder = "/run/volumes"

	// The controllers name the provisioner of a claim here, and the scheduler the node that its pod will run on. A claim of a class
	// with WaitForFirstConsumer gets its volume once there is a node.
	provisionerOfClaim = "volume.kubernetes.io/storage-provisioner"
	nodeOfClaim        = "volume.kubernetes.io/selected-node"

	// The controllers read here who made a volume, and leave removing it to that provisioner.
	provisionerOfVolume = "pv.kubernetes.io/provisioned-by"

	// Every object is looked at again after this time, so that a call which failed is made again.
	again = 5 * time.Second
)

// provisioner makes and removes volumes in a folder of this machine.
type provisioner struct {
	client kubernetes.Interface
	folder string
}

// NewCommand returns the command that runs the provisioner until it is killed.
func NewCommand() *cobra.Command {
	var kubeconfig, folder string
	command := &cobra.Command{
		Use:  "volume-provisioner",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			return (&provisioner{client: client, folder: folder}).run(command.Context())
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&folder, "folder", "", "the folder of all volumes, which nodes see as "+nodeFolder)
	return command
}

func (p *provisioner) run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(p.client, again)
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	volumes := factory.Core().V1().PersistentVolumes().Informer()
	watch := func(informer cache.SharedIndexInformer, settle func(context.Context, any) error) error {
		settled := func(object any) {
			if err := settle(ctx, object); err != nil {
				klog.Error(err)
			}
		}
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    settled,
			UpdateFunc: func(_, object any) { settled(object) },
		})
		return err
	}
	if err := watch(claims, p.provision); err != nil {
		return err
	}
	if err := watch(volumes, p.remove); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	return nil
}

// provision makes the volume of a claim that waits for one of ours.
func (p *provisioner) provision(ctx context.Context, object any) error {
	claim := object.(*core.PersistentVolumeClaim)
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil ||
		claim.Annotations[provisionerOfClaim] != Name || claim.Annotations[nodeOfClaim] == "" {
		return nil
	}
	class, err := p.client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, meta.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the class of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	volume := volumeOf(claim, class)
	folder := p.folderOf(volume)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	// Whatever user a pod's server runs as writes into it; the process's umask would take that right away.
	if err := os.Chmod(folder, 0o777); err != nil {
		return err
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	if err != nil && !errors.IsAlreadyExists(err) {
		return fmt.Errorf("creating volume %s of claim %s/%s: %w", volume.Name, claim.Namespace, claim.Name, err)
	}
	return nil
}

// remove deletes a volume of ours whose claim is gone, with all that is in it, unless it is to be retained.
func (p *provisioner) remove(ctx context.Context, object any) error {
	volume := object.(*core.PersistentVolume)
	if volume.Status.Phase != core.VolumeReleased || volume.DeletionTimestamp != nil ||
		volume.Spec.PersistentVolumeReclaimPolicy != core.PersistentVolumeReclaimDelete ||
		volume.Annotations[provisionerOfVolume] != Name || volume.Spec.HostPath == nil {
		return nil
	}
	if err := os.RemoveAll(p.folderOf(volume)); err != nil {
		return err
	}
	options := meta.DeleteOptions{Preconditions: &meta.Preconditions{UID: &volume.UID}}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, options)
	if err != nil && !errors.IsNotFound(err) {
		return fmt.Errorf("deleting volume %s: %w", volume.Name, err)
	}
	return nil
}

// folderOf returns a volume's folder on this machine.
func (p *provisioner) folderOf(volume *core.PersistentVolume) string {
	return filepath.Join(p.folder, filepath.Base(volume.Spec.HostPath.Path))
}

// volumeOf returns the volume of a claim. Its name follows from the claim's UID, so the second of two calls finds the first one's.
func volumeOf(claim *core.PersistentVolumeClaim, class *storage.StorageClass) *core.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	kind := core.HostPathDirectoryOrCreate
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionerOfVolume: Name}},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              class.Name,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: core.PersistentVolumeSource{
				HostPath: &core.HostPathVolumeSource{
					Path: filepath.Join(nodeFolder, fmt.Sprintf("%s_%s_%s", name, claim.Namespace, claim.Name)),
					Type: &kind,
				},
			},
		},
	}
}
