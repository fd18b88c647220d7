#!/usr/bin/env bash
# Install the chart into a real Kubernetes of one node on this machine, and use, upgrade, restore and remove it there.
#
#     scripts/test_cluster.sh        (minutes; as root)
#
# MINI_KUBE=…    program with build, up, load and down (default: ../shared/cluster/mini-kube.sh)
# BASE_IMAGE=…   what images are built on; CA_FILE=… certificates of a proxy
# BUILD=no       take the images that are there
set -euo pipefail

cd "$(dirname "$0")/.."
mini=${MINI_KUBE:-../shared/cluster/mini-kube.sh}
chart=deploy/helm/latent-space-explorer
home=${MINI_KUBE_DIR:-$HOME/.cache/mini-kube}
work=$(mktemp -d)

[ "$(id -u)" = 0 ] || { echo "test_cluster: it starts containers and changes the network, so it needs root." >&2; exit 1; }
[ -x "$mini" ] || { echo "test_cluster: $mini is not here; name the program with MINI_KUBE=…" >&2; exit 1; }
for program in podman kubectl; do
  command -v $program > /dev/null || { echo "test_cluster: $program is missing; install it." >&2; exit 1; }
done
[ -n "${CONTAINERS_CONF:-}" ] || [ ! -f "$(dirname "$mini")/containers.conf" ] || export CONTAINERS_CONF=$(realpath "$(dirname "$mini")/containers.conf")

step() { echo "── $* ($(date +%T))"; }
helm() { scripts/helm.sh "$@"; }
install() { # more arguments of helm; its own way of waiting gives up at the first pod that is started again
  # Helm 4 applies by the server, which this Kubernetes is too old for.
  helm upgrade --install lse $chart --values tests/cluster/values.yaml --values "$work/aliases.yaml" --server-side=false "$@"
}
ready() { kubectl rollout status --timeout=300s "$1"; }
everything() {
  for name in statefulset/lse-postgresql statefulset/lse-vectors deployment/lse-scheduler statefulset/lse-services deployment/lse-worker deployment/lse-router deployment/lse-explorer; do
    ready $name
  done
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
if [ "${BUILD:-yes}" = yes ]; then
  step "images"
  scripts/images.sh services explorer worker vectors router
  podman build ${BASE_IMAGE:+--build-arg BASE_IMAGE=$BASE_IMAGE} --network=host --format docker \
    --file tests/cluster/postgresql.Dockerfile --tag "localhost/lse-postgresql:$version" tests/cluster
fi
[ -x "$home/bin/kubelet" ] || { step "Kubernetes"; "$mini" build; }

step "up"
"$mini" up
forwarding=
finish() {
  local result=$?
  [ -z "$forwarding" ] || kill "$forwarding" 2> /dev/null || true
  if [ $result != 0 ]; then
    echo "test_cluster: failed; the pods and what they say:" >&2
    kubectl get pods --output wide >&2
    kubectl get pods --output name | while read -r each; do kubectl logs "$each" --all-containers --prefix --tail=15; done >&2
  fi
  "$mini" down
  rm -rf "$work"
}
trap finish EXIT
export KUBECONFIG=$home/run/kubeconfig
podman pod create --name lse-pause > /dev/null 2>&1 || true
pause=$(podman images --format '{{.Repository}}:{{.Tag}}' | grep podman-pause | head -1)
for image in "$pause" localhost/lse-{services,explorer,worker,vectors,router,postgresql}:"$version"; do
  podman save --quiet --output "$work/image.tar" "$image"
  "$mini" load "$work/image.tar" > /dev/null
  rm "$work/image.tar"
done

step "install"
kubectl create secret generic lse-database --from-literal=password="$(openssl rand -hex 16)"
kubectl apply --filename - << 'YAML'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: lse-backups}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
# There are no names of Services here: what they are is known once they are there, and given to the pods.
echo '{}' > "$work/aliases.yaml"
install
{
  echo 'hostAliases:'
  kubectl get services --selector app.kubernetes.io/instance=lse \
    --output go-template='{{range .items}}{{if ne .spec.clusterIP "None"}}- {ip: {{.spec.clusterIP}}, hostnames: [{{.metadata.name}}]}{{"\n"}}{{end}}{{end}}'
} > "$work/aliases.yaml"
SECONDS=0
install --wait=legacy --timeout 10m
echo "ready after $SECONDS s"
everything

step "use, while pods go"
pod=$(kubectl get pod --selector lse/serves=grpc --output jsonpath='{.items[0].metadata.name}')
.venv/bin/python - "$work/images" << 'PYTHON'
import pathlib, sys
import numpy as np
from PIL import Image
folder = pathlib.Path(sys.argv[1]); folder.mkdir()
rng = np.random.default_rng(0)
for number in range(300):
    Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(folder / f"{number:03d}.png")
PYTHON
tar -C "$work" -cf - images | kubectl exec --stdin "$pod" -- sh -c 'mkdir -p /data/artifacts/sources && tar -C /data/artifacts/sources -xf -'
.venv/bin/python tests/cluster/chain.py 127.0.0.1:30051 "$work" delete

step "explorer"
kubectl port-forward service/lse-explorer 30506:80 > /dev/null &
forwarding=$!
experiment=$(.venv/bin/lse experiment list --json --project cluster --address 127.0.0.1:30051 | .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
PYTHONPATH=tests/support .venv/bin/python tests/cluster/browse.py http://127.0.0.1:30506 cluster "$experiment" 300
kill $forwarding
forwarding=

step "upgrade and roll back"
install --set services.drainSeconds=10 --wait=legacy --timeout 10m
.venv/bin/python tests/cluster/chain.py 127.0.0.1:30051 "$work" keep
helm rollback lse --wait=legacy --timeout 10m --server-side=false
everything

step "backup and restore"
# Its Job by hand: kubectl makes none of a CronJob as old as those of this Kubernetes.
kubectl get cronjob/lse-backup --output json | .venv/bin/python -c '
import json, sys
spec = json.load(sys.stdin)["spec"]["jobTemplate"]["spec"]
json.dump({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "lse-backup-now"}, "spec": spec}, sys.stdout)
' | kubectl create --filename -
kubectl wait --for=condition=complete --timeout=300s job/lse-backup-now
kubectl logs job/lse-backup-now --all-containers | tail -5
dump=$(kubectl logs job/lse-backup-now --container catalogue | grep -o '[0-9TZ]*\.dump' | tail -1)
before=$(.venv/bin/lse dataset list --json --project cluster --address 127.0.0.1:30051 | cksum)
install --set restore.dump="$dump"
kubectl wait --for=condition=complete --timeout=300s job --selector app.kubernetes.io/component=restore
install --wait=legacy --timeout 10m
[ "$(.venv/bin/lse dataset list --json --project cluster --address 127.0.0.1:30051 | cksum)" = "$before" ]

step "remove"
SECONDS=0
helm uninstall lse --wait=legacy --timeout 5m
echo "gone after $SECONDS s"
kubectl get persistentvolumeclaim
step "done"
