"""Who may do what, over the API and by page: one table, every line tried by everybody, but a page that opens by one of them.

`y` is allowed; a number is the status of the refusal. Where these rules are stricter or wider than Azure's,
docs/security.md says why.
"""

import contextlib
import json
import re
import uuid

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from accounts.authentication import make_run_token
from compute import notifications
from compute.instances import power
from compute.keys import node_key
from endpoints.models import Endpoint
from registry.models import Model, ModelVersion
from runs.models import Run, Snapshot
from studio import storage
from studio.api import api as the_api
from tests import factories
from tests.test_house import all_pages
from workspaces.models import Role, Secret

H = "/history/v1.0{w}"
C = "/content/v1.0{w}"
JOB = {"properties": {"jobType": "Command", "experimentName": "exp", "command": "true", "computeId": "cpu-cluster"}}
METRIC = {"metrics": [{"name": "loss", "kind": "scalar", "value": 1}]}
SIZE = {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_DS11_V2"}}}
ENVIRONMENT = {"properties": {"condaFile": "dependencies:\n- python=3.11\n"}}
ALIVE = "work/00000000-0000-0000-0000-000000000000/alive"
DATA = {"kind": "file", "paths": [{"datastore": "workspaceblobstore", "path": "in"}], "steps": []}
SUB = "/subscriptions/sub-1"
MAKE = f"{SUB}/resourceGroups/aml-resources/providers/Microsoft.MachineLearningServices/workspaces/second"
ROLES = {
    "owner": Role.OWNER,
    "contributor": Role.CONTRIBUTOR,
    "scientist": Role.DATA_SCIENTIST,
    "operator": Role.COMPUTE_OPERATOR,
    "reader": Role.READER,
}
CALLERS, VISITORS = [*ROLES, "stranger", "run"], [*ROLES, "stranger"]
FEWEST_RIGHTS_FIRST = ["stranger", "reader", "operator", "scientist", "contributor", "owner", "admin"]
# Everybody else: a stranger finds nothing; who has no token, or a node's key, is nobody to this API.
NOBODY = {"anonymous": 401, "node": 401}

# What is done; then owner, contributor, data scientist, compute operator, reader, stranger, and the token of the run "mine",
# which reads its experiment's runs, "far" not being one of them.
API = """
read a workspace                | GET    {w}                                                | y y y y y 404 y
list subscriptions              | GET    /subscriptions                                     | y y y y y y y
change a workspace              | PATCH  {w}                                                | y y 403 403 403 404 403
delete a workspace              | DELETE {w}                                                | y 403 403 403 403 404 403
make a workspace                | PUT    {make}                                             | 403 403 403 403 403 403 403
read keys                       | POST   {w}/listKeys                                       | y y 403 403 403 404 403
read the activity log           | GET    {w}/activities                                     | y 403 403 403 403 404 403
list secrets                    | GET    {w}/secrets                                        | y y y 403 403 404 403
set a secret                    | PUT    {w}/secrets/fresh           $secret                | y y y 403 403 404 403
read a secret                   | GET    {w}/secrets/hush                                   | y y y 403 403 404 y
read a secret kept from jobs    | GET    {w}/secrets/people                                 | y y y 403 403 404 403
versions of a secret            | GET    {w}/secrets/hush/versions                          | y y y 403 403 404 403
delete a secret                 | DELETE {w}/secrets/hush                                   | y y y 403 403 404 403
read quota                      | GET    {sub}/providers/{ml}/locations/eastus/usages | y y y y y 404 y
list compute                    | GET    {w}/computes                                       | y y y y y 404 403
read compute                    | GET    {w}/computes/cpu-cluster                           | y y y y y 404 403
see nodes                       | POST   {w}/computes/cpu-cluster/listNodes                 | y y y y y 404 403
start an instance               | POST   {w}/computes/lab/start                             | 202 202 202 202 403 404 403
stop an instance                | POST   {w}/computes/lab/stop                              | 409 409 409 409 403 404 403
resize an instance              | POST   {w}/computes/lab/resize     $resize                | 202 202 403 202 403 404 403
restart an instance             | POST   {w}/computes/lab/restart                           | 409 409 409 409 403 404 403
idle shutdown of an instance    | POST   {w}/computes/lab/updateIdleShutdownSetting         | y y 403 y 403 404 403
schedules of an instance        | POST   {w}/computes/lab/updateSchedules                   | y y 403 y 403 404 403
create compute                  | PUT    {w}/computes/fresh          $size                  | y y 403 y 403 404 403
change compute                  | PATCH  {w}/computes/cpu-cluster                           | y y 403 y 403 404 403
delete compute                  | DELETE {w}/computes/cpu-cluster                           | y y 403 y 403 404 403
list runs                       | GET    {h}/runs                                           | y y y 403 y 404 y
read one's own run              | GET    {h}/runs/mine                                      | y y y 403 y 404 y
read another run                | GET    {h}/runs/other                                     | y y y 403 y 404 y
read a run far away             | GET    {h}/runs/far                                       | y y y 403 y 404 404
MLflow: read a run far away     | GET    {m}/runs/get?run_id=far                            | y y y 403 y 404 404
read metrics                    | GET    {h}/runs/other/metrics                             | y y y 403 y 404 y
read details                    | GET    {h}/runs/other/details                             | y y y 403 y 404 y
list files                      | GET    {h}/runs/other/artifacts                           | y y y 403 y 404 y
download a file                 | GET    {h}/runs/other/artifacts/content?path=a.txt        | y y y 403 y 404 y
read a job                      | GET    {w}/jobs/other                                     | y y y 403 y 404 y
list datastores                 | GET    {w}/datastores                                     | y y y 403 y 404 y
a datastore                     | GET    {w}/datastores/workspaceblobstore                  | y y y 403 y 404 y
forget a datastore              | DELETE {w}/datastores/none                                | 404 404 404 403 403 404 403
secrets of a datastore          | POST   {w}/datastores/workspaceblobstore/listSecrets      | 403 403 403 403 403 404 403
register a datastore            | PUT    {w}/datastores/s3?skipValidation=1 $store          | y y y 403 403 404 403
try a datastore                 | POST   {w}/datastores/workspaceblobstore/test             | y y y 403 y 404 403
set the default datastore       | POST   {w}/datastores/workspacefilestore/setDefault       | y y y 403 403 404 403
list files of a datastore       | GET    {w}/datastores/workspaceblobstore/files            | y y y 403 y 404 y
read a file                     | GET    {w}/datastores/workspaceblobstore/files/content?path=none | 404 404 404 403 404 404 404
look for a file                 | HEAD   {w}/datastores/workspaceblobstore/files/content?path=none | 404 404 404 403 404 404 404
store a file                    | PUT    {w}/datastores/workspaceblobstore/files/content?path=new&overwrite=1 | y y y 403 403 404 y
list blobs                      | GET    {w}/datastores/workspaceblobstore/blobs/a/c?comp=list | y y y 403 y 404 y
read a blob                     | GET    {w}/datastores/workspaceblobstore/blobs/a/c/none   | 404 404 404 403 404 404 404
look for a blob                 | HEAD   {w}/datastores/workspaceblobstore/blobs/a/c/none   | 404 404 404 403 404 404 404
store a blob                    | PUT    {w}/datastores/workspaceblobstore/blobs/a/c/blob   | y y y 403 403 404 y
store many files                | PUT    {w}/datastores/workspaceblobstore/files $files     | y y y 403 403 404 y
read many files                 | POST   {w}/datastores/workspaceblobstore/files/download $paths | y y y 403 y 404 y
delete a file                   | DELETE {w}/datastores/workspaceblobstore/files/content?path=none | 404 404 404 403 403 404 403
pieces of an upload             | GET    {w}/uploads/a                                      | y y y 403 y 404 y
send a piece                    | PUT    {w}/uploads/a                                      | y y y 403 403 404 y
forget an upload                | DELETE {w}/uploads/a                                      | y y y 403 403 404 y
list data                       | GET    {w}/data                                           | y y y 403 y 404 y
register data                   | PUT    {w}/data/rows/versions/auto $rows                  | y y y 403 403 404 y
a name of data                  | GET    {w}/data/none                                      | 404 404 404 403 404 404 404
edit a name of data             | PUT    {w}/data/none               $edit                  | 404 404 404 403 403 404 403
versions of data                | GET    {w}/data/none/versions                             | 404 404 404 403 404 404 404
a version of data               | GET    {w}/data/none/versions/1                           | 404 404 404 403 404 404 404
the check of a version of data  | GET    {w}/data/none/versions/1/quality                   | 404 404 404 403 404 404 404
remove a version of data        | DELETE {w}/data/none/versions/1                           | 404 404 404 403 403 404 403
list labeling projects          | GET    {w}/labelingJobs                                   | y y y 403 y 404 y
a labeling project              | GET    {w}/labelingJobs/none                              | 404 404 404 403 404 404 404
make a labeling project         | PUT    {w}/labelingJobs/none       $edit                  | 400 400 400 403 403 404 403
items of a labeling project     | GET    {w}/labelingJobs/none/items                        | 404 404 404 403 404 404 404
label an item                   | PUT    {w}/labelingJobs/none/items/1 $label               | 404 404 404 403 403 404 403
export labels                   | POST   {w}/labelingJobs/none/exportLabels                 | 404 404 404 403 403 404 403
a saved dataset                 | GET    {w}/datasets/00000000-0000-0000-0000-000000000000 | 404 404 404 403 404 404 404
remove data                     | DELETE {w}/data/none                                      | 404 404 404 403 403 404 403
save a dataset                  | POST   {w}/datasets $saved                                | y y y 403 403 404 y
rows of what is not a table     | POST   {w}/datasets/rows $saved                           | 400 400 400 403 400 404 400
list jobs                       | GET    {w}/jobs                                           | y y y 403 y 404 y
submit                          | PUT    {w}/jobs/fresh              $job                   | y y y 403 403 404 403
make an interactive run         | PUT    {h}/experiments/exp/runs/fresh                     | y y y 403 403 404 403
make a child run                | PUT    {h}/experiments/exp/runs/fresh $child              | y y y 403 403 404 y
cancel                          | POST   {h}/runs/other/cancel                              | y y y 403 403 404 404
cancel a job                    | POST   {w}/jobs/other/cancel                              | y y y 403 403 404 404
log metrics                     | POST   {h}/runs/mine/metrics       $metric                | y y y 403 403 404 y
log metrics to another run      | POST   {h}/runs/other/metrics      $metric                | y y y 403 403 404 404
upload                          | PUT    {h}/runs/mine/artifacts/content?path=b.txt         | y y y 403 403 404 y
upload to another run           | PUT    {h}/runs/other/artifacts/content?path=b.txt        | y y y 403 403 404 404
upload many files               | PUT    {h}/runs/mine/artifacts $files                    | y y y 403 403 404 y
upload many to another run      | PUT    {h}/runs/other/artifacts $files                   | y y y 403 403 404 404
download many files             | POST   {h}/runs/other/artifacts/download $paths           | y y y 403 y 404 y
append to a file                | POST   {h}/runs/other/artifacts/append?path=b.txt&offset=0| y y y 403 403 404 404
delete a file                   | DELETE {h}/runs/other/artifacts/content?path=spare.txt    | y y y 403 403 404 404
edit a run                      | PATCH  {h}/runs/other                                     | y y y 403 403 404 404
report an end                   | POST   {h}/runs/other/events       $end                   | y y y 403 403 404 404
delete a run                    | DELETE {h}/runs/ended                                     | y y y 403 403 404 403
delete one's own run            | DELETE {h}/runs/mine                                      | 409 409 409 403 403 404 403
list experiments                | GET    {h}/experiments                                    | y y y 403 y 404 y
make an experiment              | PUT    {h}/experiments/fresh                              | y y y 403 403 404 403
edit an experiment              | PATCH  {h}/experiments/exp                                | y y y 403 403 404 403
delete an experiment            | DELETE {h}/experiments/idle                               | y y y 403 403 404 403
find a snapshot                 | GET    {c}/snapshots?hash=00                              | y y y 403 y 404 y
list environments               | GET    {w}/environments                                   | y y y 403 y 404 y
read an environment             | GET    {w}/environments/env/versions/1                    | y y y 403 y 404 y
register an environment         | PUT    {w}/environments/env/versions/2 $environment       | y y y 403 403 404 403
delete an environment           | DELETE {w}/environments/env                               | y y y 403 403 404 403
read a subscription             | GET    {sub}                                              | y y y y y 404 y
make a subscription             | PUT    /subscriptions/fresh                               | 403 403 403 403 403 403 403
list resource groups            | GET    {sub}/resourceGroups                               | y y y y y 404 y
read a resource group           | GET    {group}                                            | y y y y y 404 y
make a resource group           | PUT    {sub}/resourceGroups/fresh                         | 403 403 403 403 403 404 403
delete a resource group         | DELETE {group}                                            | 403 403 403 403 403 404 403
rename a subscription           | PATCH  {sub}                       $renamed               | 403 403 403 403 403 404 403
delete a subscription           | DELETE {sub}                                              | 403 403 403 403 403 404 403
move a resource group           | POST   {group}/move                $elsewhere             | 403 403 403 403 403 404 403
workspaces of a subscription    | GET    {sub}/providers/{ml}/workspaces                    | y y y y y 404 y
workspaces of a group           | GET    {group}/providers/{ml}/workspaces                  | y y y y y 404 y
workspaces in the trash         | GET    {sub}/providers/{ml}/deletedWorkspaces             | y y y y y y 403
restore a workspace             | POST   {w}/restore                                        | 404 404 404 404 404 404 403
list sizes                      | GET    {sub}/providers/{ml}/locations/eastus/vmSizes      | y y y y y 404 y
own notifications               | GET    /notices/v1.0/notifications                       | y y y y y y 403
own channels of events          | GET    /notices/v1.0/preferences                         | y y y y y y 403
choose channels of an event     | PUT    /notices/v1.0/preferences/job_failed $channels    | y y y y y y 403
own webhook                     | GET    /notices/v1.0/webhook                             | y y y y y y 403
set the own webhook             | PUT    /notices/v1.0/webhook       $hook                 | y y y y y y 403
who am I                        | GET    /login/whoami                                      | y y y y y y y
read the newest environment     | GET    {w}/environments/env                               | y y y 403 y 404 y
list versions                   | GET    {w}/environments/env/versions                      | y y y 403 y 404 y
delete a version                | DELETE {w}/environments/env/versions/1                    | y y y 403 403 404 403
edit a job                      | PATCH  {w}/jobs/other              $edit                  | y y y 403 403 404 404
delete a job                    | DELETE {w}/jobs/ended                                     | y y y 403 403 404 403
edit a run in its experiment    | PATCH  {h}/experiments/exp/runs/other                     | y y y 403 403 404 404
runs of an experiment           | GET    {h}/experiments/exp/runs                           | y y y 403 y 404 y
read an experiment              | GET    {h}/experiments/exp                                | y y y 403 y 404 y
children of another run         | GET    {h}/runs/other/children                            | y y y 403 y 404 y
beat for one's own run          | POST   {h}/runs/mine/heartbeat                            | y y y 403 403 404 y
beat for another run            | POST   {h}/runs/other/heartbeat                           | y y y 403 403 404 404
a token of one's own run        | POST   {h}/runs/mine/token                                | y y y 403 403 404 y
a token of another run          | POST   {h}/runs/other/token                               | y y y 403 403 404 404
write parameters                | POST   {h}/runs/mine/params        $params                | y y y 403 403 404 y
parameters of another run       | POST   {h}/runs/other/params       $params                | y y y 403 403 404 404
points of a metric              | GET    {h}/runs/other/metrics/points?name=loss            | y y y 403 y 404 y
is a file there                 | HEAD   {h}/runs/other/artifacts/content?path=a.txt        | y y y 403 y 404 y
list models                     | GET    {w}/models                                         | y y y 403 y 404 y
read a model                    | GET    {w}/models/mod                                     | y y y 403 y 404 y
make a model                    | PUT    {w}/models/fresh            $model                 | y y y 403 403 404 y
delete a model                  | DELETE {w}/models/mod                                     | y y y 403 403 404 403
versions of a model             | GET    {w}/models/mod/versions                            | y y y 403 y 404 y
read a version of a model       | GET    {w}/models/mod/versions/1                          | y y y 403 y 404 y
register a model                | PUT    {w}/models/mod/versions/2   $mine                  | y y y 403 403 404 y
register another's files        | PUT    {w}/models/mod/versions/2   $other                 | y y y 403 403 404 400
change a version of a model     | PATCH  {w}/models/mod/versions/1   $model                 | y y y 403 403 404 403
delete a version of a model     | DELETE {w}/models/mod/versions/1                          | y y y 403 403 404 403
lineage of a model              | GET    {v}/lineage?kind=model&id=mod:1                     | y y y 403 y 404 403
requests for promotions         | GET    {v}/promotionRequests                              | y y y 403 y 404 403
ask for a promotion             | POST   {v}/models/mod/versions/1/promotionRequests $ask   | 400 400 400 403 403 404 403
decide on a promotion           | PATCH  {v}/promotionRequests/999 $decision                | 404 404 404 403 403 404 403
find versions of models         | GET    {v}/models                                         | y y y 403 y 404 y
files of a model                | GET    {v}/models/mod/versions/1/files                    | y y y 403 y 404 y
signature of a model            | GET    {v}/models/mod/versions/1/signature                | y y y 403 y 404 y
change a signature              | PATCH  {v}/models/mod/versions/1/signature                | y y y 403 403 404 403
many files of a model           | POST   {v}/models/mod/versions/1/files/download $paths     | y y y 403 y 404 y
store files of a model          | PUT    {v}/files $uploads                                 | y y y 403 403 404 y
a file of a model               | GET    {v}/models/mod/versions/1/files/content?path=a.txt | y y y 403 y 404 y
list services                   | GET    {v}/services                                       | y y y 403 y 404 y
read a service                  | GET    {v}/services/svc                                   | y y y 403 y 404 y
deploy a service without a body | PUT    {v}/services/fresh                                 | 400 400 400 403 403 404 403
change a service                | PATCH  {v}/services/svc                                   | y y y 403 403 404 403
delete a service                | DELETE {v}/services/svc                                   | y y y 403 403 404 403
keys of a service               | POST   {v}/services/svc/listkeys                          | y y y 403 403 404 403
a new key of a service          | POST   {v}/services/svc/regenerateKeys $newkey            | y y y 403 403 404 403
a token for a service           | POST   {v}/services/svc/token                             | 409 409 409 403 403 404 403
alerts of a service             | GET    {v}/services/svc/alerts                            | y y y 403 y 404 y
set alerts of a service         | PUT    {v}/services/svc/alerts                            | y y y 403 403 404 403
guard of a service              | GET    {v}/services/svc/guard                             | y y y 403 y 404 y
set the guard of a service      | PUT    {v}/services/svc/guard                             | 409 409 409 403 403 404 403
log of a service                | GET    {v}/services/svc/logs                              | y y y 403 y 404 y
a request of a service          | GET    {v}/services/svc/requests/none                     | 404 404 404 403 404 404 403
send requests again             | POST   {v}/services/svc/replays    $replay                | 400 400 400 403 403 404 403
a replay of requests            | GET    {v}/services/svc/replays/1                         | 404 404 404 403 404 404 403
an address for code             | POST   {w}/codes/a/versions/1/startPendingUpload          | y y y 403 403 404 403
code that was not uploaded      | PUT    {w}/codes/a/versions/1      $code                  | 400 400 400 403 403 404 403
find code                       | GET    {w}/codes/a/versions                               | y y y 403 y 404 403
read code                       | GET    {w}/codes/a/versions/1                             | 404 404 404 403 404 404 403
list online endpoints           | GET    {w}/onlineEndpoints                                | y y y 403 y 404 y
read an online endpoint         | GET    {w}/onlineEndpoints/live                           | y y y 403 y 404 y
make an online endpoint         | PUT    {w}/onlineEndpoints/fresh   $online                | y y y 403 403 404 403
keys of an online endpoint      | POST   {w}/onlineEndpoints/live/listKeys                  | y y y 403 403 404 403
a new key of an online endpoint | POST   {w}/onlineEndpoints/live/regenerateKeys $newkey    | y y y 403 403 404 403
token of an online endpoint     | POST   {w}/onlineEndpoints/live/token                     | 409 409 409 403 403 404 403
list deployments                | GET    {w}/onlineEndpoints/live/deployments               | y y y 403 y 404 y
read a deployment               | GET    {w}/onlineEndpoints/live/deployments/blue          | y y y 403 y 404 y
deploy nothing                  | PUT    {w}/onlineEndpoints/live/deployments/green $online | 400 400 400 403 403 404 403
state of a deployment           | GET    {w}/onlineEndpoints/live/deployments/blue/operations/1 | 404 404 404 403 404 404 404
log of a deployment             | POST   {w}/onlineEndpoints/live/deployments/blue/getLogs  | y y y 403 y 404 y
delete a deployment             | DELETE {w}/onlineEndpoints/live/deployments/blue          | y y y 403 403 404 403
delete an online endpoint       | DELETE {w}/onlineEndpoints/live                           | y y y 403 403 404 403
has a model the file            | HEAD   {v}/models/mod/versions/1/files/content?path=a.txt | y y y 403 y 404 y
runs in the trash               | GET    {h}/trash/runs                                     | y y y 403 y 404 403
experiments in the trash        | GET    {h}/trash/experiments                              | y y y 403 y 404 403
restore a run                   | POST   {h}/trash/restore           $gone                  | y y y 403 403 404 403
free a run permanently             | POST   {h}/trash/purge             $gone                  | 202 202 202 403 403 404 403
list purges                     | GET    /history/v1.0/purges                               | y y y y y y 403
read a purge                    | GET    /history/v1.0/purges/999                           | 404 404 404 404 404 404 403
store code                      | PUT    {c}/snapshots/fresh                                | 400 400 400 403 403 404 400
what code holds                 | GET    {c}/snapshots/{code}                               | y y y 403 y 404 404
download code                   | GET    {c}/snapshots/{code}/zip                           | y y y 403 y 404 404
site: list people               | GET    /administration/v1.0/people                        | 403 403 403 403 403 403 403
site: block                     | POST   /administration/v1.0/people/x/block                | 403 403 403 403 403 403 403
site: unblock                   | POST   /administration/v1.0/people/x/unblock              | 403 403 403 403 403 403 403
site: deactivate                | POST   /administration/v1.0/people/x/deactivate           | 403 403 403 403 403 403 403
site: end sessions              | POST   /administration/v1.0/people/x/endSessions          | 403 403 403 403 403 403 403
site: queue of all              | GET    /administration/v1.0/queue                         | 403 403 403 403 403 403 403
site: move to the front         | POST   /administration/v1.0/queue/00000000-0000-0000-0000-000000000000/moveToFront | 403 403 403 403 403 403 403
site: cancel of any job         | POST   /administration/v1.0/queue/00000000-0000-0000-0000-000000000000/cancel | 403 403 403 403 403 403 403
site: list machines             | GET    /administration/v1.0/machines                      | 403 403 403 403 403 403 403
site: drain a machine           | POST   /administration/v1.0/machines/x/drain              | 403 403 403 403 403 403 403
site: reopen a machine          | POST   /administration/v1.0/machines/x/reopen             | 403 403 403 403 403 403 403
site: detach a machine          | POST   /administration/v1.0/machines/x/detach             | 403 403 403 403 403 403 403
site: quarantine a machine      | POST   /administration/v1.0/machines/x/quarantine  | 403 403 403 403 403 403 403
site: many machines             | POST   /administration/v1.0/machines/bulk          | 403 403 403 403 403 403 403
site: undo a request            | POST   /administration/v1.0/requests/0a/undo       | 403 403 403 403 403 403 403
site: move to a cluster         | POST   /administration/v1.0/queue/00000000-0000-0000-0000-000000000000/move | 403 403 403 403 403 403 403
site: drain a node              | POST   /administration/v1.0/nodes/x/drain          | 403 403 403 403 403 403 403
site: storage of all            | GET    /administration/v1.0/storage                | 403 403 403 403 403 403 403
site: delete unused files       | POST   /administration/v1.0/storage/sweep          | 403 403 403 403 403 403 403
site: health                    | GET    /administration/v1.0/health                 | 403 403 403 403 403 403 403
site: announcements             | GET    /administration/v1.0/announcements                 | 403 403 403 403 403 403 403
site: announce                  | POST   /administration/v1.0/announcements                 | 403 403 403 403 403 403 403
site: end an announcement       | POST   /administration/v1.0/announcements/1/end           | 403 403 403 403 403 403 403
site: list backups              | GET    /administration/v1.0/backups                       | 403 403 403 403 403 403 403
site: back up                   | POST   /administration/v1.0/backups                       | 403 403 403 403 403 403 403
MLflow: search experiments      | POST   {m}/experiments/search                             | y y y 403 y 404 y
MLflow: make an experiment      | POST   {m}/experiments/create      $mlname                | y y y 403 403 404 403
MLflow: make a run              | POST   {m}/runs/create             $mldefault             | y y y 403 403 404 y
MLflow: read a run              | GET    {m}/runs/get?run_id=mine                           | y y y 403 y 404 y
MLflow: read another run        | GET    {m}/runs/get?run_id=other                          | y y y 403 y 404 y
MLflow: log to one's run        | POST   {m}/runs/log-metric         $mlmine                | y y y 403 403 404 y
MLflow: log to another run      | POST   {m}/runs/log-metric         $mlother               | y y y 403 403 404 404
MLflow: delete a run            | POST   {m}/runs/delete             $mlended               | y y y 403 403 404 403
MLflow: list files              | GET    {m}/artifacts/list?run_id=other                    | y y y 403 y 404 y
MLflow: register a model        | POST   {m}/registered-models/create $mlname               | y y y 403 403 404 y
MLflow: find models             | GET    {m}/registered-models/search                       | y y y 403 y 404 y
MLflow: read a model            | GET    {m}/registered-models/get?name=mod                 | y y y 403 y 404 y
MLflow: delete a model          | DELETE {m}/registered-models/delete $mlmodel              | y y y 403 403 404 403
"""
POINT = {"key": "k", "value": 1, "timestamp": 1}
BODIES = {
    "$rename": {"field": "display_name", "value": "new"},
    "$label": {"label": "cat"},
    "$resize": {"targetVMSize": "Standard_DS2_v2"},
    "$edit": {"properties": {"displayName": "d"}},
    "$params": {"parameters": {"a": "b"}},
    "$newkey": {"keyType": "Primary"},
    "$online": {"properties": {}},
    "$code": {"properties": {"codeUri": "https://elsewhere/signed/code/1"}},
    "$ask": {"kind": "alias", "name": "champion"},
    "$decision": {"state": "approved"},
    "$channels": {"channels": ["bell"]},
    "$hook": {"url": ""},
    "$replay": {"candidate": "svc", "count": 1},
    "key=Primary": {"key": "Primary"},
    "$model": {"properties": {"description": "d"}},
    "$mine": {"properties": {"modelUri": "runs:/mine/a.txt"}},
    "$other": {"properties": {"modelUri": "azureml://jobs/other/outputs/artifacts/paths/a.txt"}},
    "$gone": {"runIds": ["gone"]},
    "$renamed": {"displayName": "renamed"},
    "$elsewhere": {"subscriptionId": "elsewhere"},
    "$mlname": {"name": "fresh"},
    "$mlmodel": {"name": "mod"},
    "$mldefault": {"experiment_id": "0"},
    "$mlmine": {"run_id": "mine", **POINT},
    "$mlother": {"run_id": "other", **POINT},
    "$mlended": {"run_id": "ended"},
    "$size": SIZE,
    "$secret": {"value": "hush hush"},
    "$store": {"properties": {"datastoreType": "S3", "containerName": "bucket"}},
    "$files": {"files": [{"path": "many", "size": 0}]},
    "$uploads": {"files": [{"path": "LocalUpload/new/many", "size": 0}]},
    "$paths": {"paths": ["none"]},
    "$rows": {"properties": {"definition": DATA}},
    "$saved": {"definition": DATA},
    "$job": JOB,
    "$metric": METRIC,
    "$environment": ENVIRONMENT,
    "$end": {"status": "Failed"},
    "$child": {"parentRunId": "mine"},
}

# The same for pages: owner, contributor, data scientist, compute operator, reader, stranger.
PAGES = """
home                    | GET  /ws/aml-workspace/                                | y y y y y 404
properties              | GET  /ws/aml-workspace/settings/                       | y y y y y 404
change properties       | POST /ws/aml-workspace/settings/                       | y y 403 403 403 404
config file             | GET  /ws/aml-workspace/config.json                     | y y y y y 404
delete the workspace    | POST /ws/aml-workspace/delete/                         | 400 403 403 403 403 404
people                  | GET  /ws/aml-workspace/people/                         | y y y y y 404
activity log            | GET  /ws/aml-workspace/activity/                       | y 403 403 403 403 404
activity log as a file  | GET  /ws/aml-workspace/activity/csv/                   | y 403 403 403 403 404
activity log of the site| GET  /activity/                                        | 403 403 403 403 403 403
key vault               | GET  /ws/aml-workspace/secrets/                        | y y y 403 403 404
one secret              | GET  /ws/aml-workspace/secrets/hush/                   | y y y 403 403 404
change a secret         | POST /ws/aml-workspace/secrets/hush/change/            | y y y 403 403 404
access control          | GET  /ws/aml-workspace/access/                         | y y y y y 404
custom roles            | GET  /ws/aml-workspace/roles/                          | y y y y y 404
make a custom role      | POST /ws/aml-workspace/roles/                          | y 403 403 403 403 404
groups                  | GET  /groups/                                          | y y y y y y
service principals      | GET  /principals/                                      | 403 403 403 403 403 403
tokens of all           | GET  /credentials/                                     | 403 403 403 403 403 403
give a role             | POST /ws/aml-workspace/people/                         | y 403 403 403 403 404
new account             | POST /ws/aml-workspace/people/account/                 | 403 403 403 403 403 404
compute                 | GET  /ws/aml-workspace/compute/                        | y y y y y 404
cluster                 | GET  /ws/aml-workspace/compute/cpu-cluster/            | y y y y y 404
nodes                   | GET  /ws/aml-workspace/compute/cpu-cluster/nodes/      | y y y y y 404
work of a cluster       | GET  /ws/aml-workspace/compute/cpu-cluster/jobs/       | y y y y y 404
machines                | GET  /ws/aml-workspace/compute/all/machines/           | y y y y y 404
drain a machine         | POST /ws/aml-workspace/compute/all/machines/1/drain/   | 403 403 403 403 403 404
open a machine          | POST /ws/aml-workspace/compute/all/machines/1/open/    | 403 403 403 403 403 404
drain a node            | POST /ws/aml-workspace/compute/cpu-cluster/nodes/x/drain/ | 404 404 403 404 403 404
instances               | GET  /ws/aml-workspace/compute/all/instances/          | y y y y y 404
instance                | GET  /ws/aml-workspace/compute/lab/instance/           | y y y y y 404
new instance            | GET  /ws/aml-workspace/compute/new/instance/           | y y 403 y 403 404
change an instance      | POST /ws/aml-workspace/compute/lab/instance/change/    | 400 400 400 400 403 404
schedules of an instance | POST /ws/aml-workspace/compute/lab/instance/schedules/ | 400 400 403 400 403 404
open an instance        | GET  /ws/aml-workspace/compute/lab/instance/open/jupyterlab/ | 403 403 409 403 403 404
new cluster             | GET  /ws/aml-workspace/compute/new/cluster/            | y y 403 y 403 404
edit a cluster          | POST /ws/aml-workspace/compute/cpu-cluster/edit/       | y y 403 y 403 404
delete a cluster        | POST /ws/aml-workspace/compute/cpu-cluster/delete/     | 400 400 403 400 403 404
data                    | GET  /ws/aml-workspace/data/                           | y y y 403 y 404
create data             | GET  /ws/aml-workspace/data/new/                       | y y y 403 403 404
data that is not there  | POST /ws/aml-workspace/data/assets/x/versions/1/change/ | 404 404 404 403 404 404
datastores              | GET  /ws/aml-workspace/data/datastores/                | y y y 403 y 404
a datastore             | GET  /ws/aml-workspace/data/datastores/workspaceblobstore/ | y y y 403 y 404
new datastore           | GET  /ws/aml-workspace/data/new-datastore/             | y y y 403 403 404
upload files            | POST /ws/aml-workspace/data/datastores/workspaceblobstore/upload/ | 400 400 400 403 403 404
change a datastore      | POST /ws/aml-workspace/data/datastores/workspaceblobstore/change/ | y y y 403 403 404
jobs                    | GET  /ws/aml-workspace/jobs/                           | y y y 403 y 404
experiments             | GET  /ws/aml-workspace/experiments/                    | y y y 403 y 404
run                     | GET  /ws/aml-workspace/runs/other/                     | y y y 403 y 404
metrics                 | GET  /ws/aml-workspace/runs/other/metrics/             | y y y 403 y 404
files                   | GET  /ws/aml-workspace/runs/other/logs/                | y y y 403 y 404
cancel a run            | POST /ws/aml-workspace/runs/other/cancel/              | y y y 403 403 404
edit a run              | POST /ws/aml-workspace/runs/other/edit/        $rename | y y y 403 403 404
delete a run            | POST /ws/aml-workspace/runs/ended/delete/              | y y y 403 403 404
environments            | GET  /ws/aml-workspace/environments/                   | y y y 403 y 404
environment             | GET  /ws/aml-workspace/environments/env/versions/1/    | y y y 403 y 404
builds of environments  | GET  /ws/aml-workspace/environments/all/builds/        | y y y 403 y 404
new environment         | GET  /ws/aml-workspace/environments/new/               | y y y 403 403 404
rebuild an environment  | POST /ws/aml-workspace/environments/env/versions/1/rebuild/ | y y y 403 403 404
remove a version        | POST /ws/aml-workspace/environments/env/versions/1/remove/ | y y y 403 403 404
models                  | GET  /ws/aml-workspace/models/                         | y y y 403 y 404
endpoints               | GET  /ws/aml-workspace/endpoints/                      | y y y 403 y 404
an endpoint             | GET  /ws/aml-workspace/endpoints/svc/                  | y y y 403 y 404
test of an endpoint     | GET  /ws/aml-workspace/endpoints/svc/test/             | y y y 403 y 404
consume an endpoint     | GET  /ws/aml-workspace/endpoints/svc/consume/          | y y y 403 y 404
log of an endpoint      | GET  /ws/aml-workspace/endpoints/svc/logs/             | y y y 403 y 404
delete an endpoint      | POST /ws/aml-workspace/endpoints/svc/delete/           | y y y 403 403 404
a new key of an endpoint | POST /ws/aml-workspace/endpoints/svc/key/ key=Primary | y y y 403 403 404
facets of models        | GET  /ws/aml-workspace/models-facets/                  | y y y 403 y 404
version of a model      | GET  /ws/aml-workspace/models/mod/versions/1/          | y y y 403 y 404
versions of a model     | GET  /ws/aml-workspace/models/mod/versions/            | y y y 403 y 404
files of a model        | GET  /ws/aml-workspace/models/mod/versions/1/artifacts/ | y y y 403 y 404
metrics of a model      | GET  /ws/aml-workspace/models/mod/versions/1/metrics/  | y y y 403 y 404
data of a model         | GET  /ws/aml-workspace/models/mod/versions/1/data/     | y y y 403 y 404
endpoints of a model    | GET  /ws/aml-workspace/models/mod/versions/1/endpoints/ | y y y 403 y 404
lineage of a model      | GET  /ws/aml-workspace/models/mod/versions/1/lineage/  | y y y 403 y 404
lineage of a run        | GET  /ws/aml-workspace/runs/other/lineage/             | y y y 403 y 404
register a model        | GET  /ws/aml-workspace/register-model/                 | y y y 403 403 404
archive a version       | POST /ws/aml-workspace/models/mod/versions/1/archive/  | y y y 403 403 404
delete a version        | POST /ws/aml-workspace/models/mod/versions/1/delete/   | y y y 403 403 404
promotion rules         | GET  /ws/aml-workspace/promotion-rules/                | y y y 403 y 404
write a promotion rule  | POST /ws/aml-workspace/promotion-rules/                | 400 403 403 403 403 404
what runs now           | GET  /ws/aml-workspace/jobs/now/                       | y y y 403 y 404
a terminal              | GET  /ws/aml-workspace/notebooks/run/                  | y y y 403 y 404
notebooks               | GET  /ws/aml-workspace/notebooks/                      | y y y 403 y 404
a new notebook          | POST /ws/aml-workspace/notebooks/new/                  | 400 400 400 403 403 404
labeling projects       | GET  /ws/aml-workspace/labeling/                       | y y y 403 y 404
new labeling project    | GET  /ws/aml-workspace/labeling/new/                   | y y y 403 403 404
trash of files          | GET  /ws/aml-workspace/notebooks/trash/                | y y y 403 y 404
administration          | GET  /admin/                                           | 403 403 403 403 403 403
the queue of all        | GET  /admin/queue/                                     | 403 403 403 403 403 403
cost                    | GET  /ws/aml-workspace/costs/                          | y y y 403 y 404
cost as a file          | GET  /ws/aml-workspace/costs/csv/                      | y y y 403 y 404
cost of all workspaces  | GET  /costs/                                           | y y y y y y
palette                 | GET  /palette/?ws=aml-workspace&q=r                    | y y y y y 404
switcher                | GET  /switcher/?ws=aml-workspace                       | y y y y y 404
"""


def lines(table: str):
    for line in table.strip().splitlines():
        name, act, expected = (part.strip() for part in line.split("|"))
        method, address, *body = act.split()
        yield name, method, address, BODIES[body[0]] if body else {}, expected.split()


@pytest.fixture
def world(workspace, monkeypatch):
    """A workspace with something of everything; the bell is silent and the bytes are in memory."""
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    people = {name: factories.make_user(f"the-{name}") for name in [*ROLES, "stranger"]}
    for name, role in ROLES.items():
        factories.give_role(people[name], role, workspace)
    target = factories.make_target(workspace, "cpu-cluster")
    power.create_instance(workspace, people["scientist"], "lab", "Standard_DS1_v2", starts=False)
    experiment = factories.make_experiment(workspace, "exp")
    factories.make_experiment(workspace, "idle")
    for run_id in ("mine", "other"):
        run = factories.make_run(workspace, experiment=experiment, run_id=run_id, status=Run.Status.RUNNING)
        for path in ("a.txt", "spare.txt"):
            storage.put_bytes(f"{run_id}/{path}", b"abc")
            run.artifacts.create(path=path, size=3).segments.create(offset=0, size=3, key=f"{run_id}/{path}")
    factories.make_run(workspace, experiment=experiment, run_id="ended", status=Run.Status.COMPLETED)
    factories.make_run(workspace, run_id="far", status=Run.Status.RUNNING)
    factories.make_run(
        workspace, experiment=experiment, run_id="gone", status=Run.Status.FAILED, deleted_at=timezone.now()
    )
    factories.make_environment(workspace, "env")
    Secret.set(Actor(people["owner"]), workspace, "hush", "hush hush")
    Secret.set(Actor(people["owner"]), workspace, "people", "hush hush", for_runs=False)
    model = Model.objects.create(workspace=workspace, name="mod", version_count=1)
    source = {"source": "runs:/other/a.txt", "run": run}
    ModelVersion.objects.create(workspace=workspace, model=model, number=1, is_latest=True, **source)
    Endpoint.create(workspace, people["owner"], "svc", auth_enabled=True)
    live = Endpoint.create(workspace, people["owner"], "live", auth_enabled=True, has_versions=True)
    Endpoint.create_version(live, people["owner"], "blue", is_default=False)
    storage.put_bytes("code", b"zip")
    code = Snapshot.objects.create(workspace=workspace, digest="0" * 64, key="code", size=3)
    run.metrics.create(name="loss", kind="scalar")  # of the run "other"
    node = factories.make_node(target)
    return {
        "people": people,
        "node": node,
        "w": workspace.arm_id,
        "workspace": workspace,
        "code": code.snapshot_id,
    }


def key_of(world, persona: str) -> str:
    if persona == "run":
        return make_run_token(world["people"]["scientist"].pk, world["workspace"].pk, "mine", 0)
    if persona == "node":
        return node_key(world["node"])
    return factories.make_token(world["people"][persona])


def send(client, method: str, address: str, body, headers=None):
    is_file = "artifacts" in address and method != "GET" and not body
    data = b"data" if is_file else json.dumps(body)
    return client.generic(method, address, data, "application/json", headers=headers or {})


def judge(answer, wanted: str, allowed=(200, 201), by: str = "") -> list[str]:
    """What is wrong with the answer, if something is."""
    right = answer.status_code in allowed if wanted == "y" else answer.status_code == int(wanted)
    return [] if right else [f"{by} got {answer.status_code}: {answer.content[:300] if not answer.streaming else ''}"]


def filled(world, address: str) -> str:
    """The address with the places of this world."""
    w = world["w"]
    words = {"h": H, "c": C, "v": "/modelmanagement/v1.0{w}", "m": "/mlflow/v1.0{w}/api/2.0/mlflow"}
    return address.format(
        w=w,
        **{name: template.format(w=w) for name, template in words.items()},
        make=MAKE,
        sub=SUB,
        group=f"{SUB}/resourceGroups/aml-resources",
        ml="Microsoft.MachineLearningServices",
        code=world["code"],
    )


@contextlib.contextmanager
def as_if_never():
    """What one persona does is taken back before the next one tries."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("persona", CALLERS)
def test_the_api(world, persona):
    headers, wrong = {"Authorization": f"Bearer {key_of(world, persona)}"}, []
    for name, method, address, body, expected in lines(API):
        with as_if_never():
            answer = send(Client(), method, filled(world, address), body, headers)
        wrong += judge(answer, dict(zip(CALLERS, expected, strict=True))[persona], by=name)
    assert not wrong, "\n".join(wrong)


def test_every_route_of_the_api_has_its_line(world):
    """The routes of nodes and the first steps of a sign-in are tried apart, and `discovery` is open to all."""
    tried = {(method, filled(world, address).partition("?")[0]) for _, method, address, _, _ in lines(API)}
    missing = []
    for path, methods in the_api.get_openapi_schema()["paths"].items():
        wanted = re.compile(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(path)))
        for method in methods:
            met = any(verb == method.upper() and wanted.fullmatch(address) for verb, address in tried)
            if not met and not path.startswith(("/nodes/", "/login/device", "/discovery/", "/metadata/", "/signed/")):
                missing.append(f"{method} {path.rpartition('{workspace_name}')[2]}")
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("persona", NOBODY)
def test_without_a_person_the_api_does_nothing(world, persona):
    headers = {} if persona == "anonymous" else {"Authorization": f"Bearer {key_of(world, persona)}"}
    for name, method, address, body, _ in lines(API):
        answer = send(Client(), method, filled(world, address), body, headers)
        assert answer.status_code == NOBODY[persona], name


@pytest.mark.parametrize("persona", VISITORS)
def test_the_pages(world, as_user, persona):
    """Everybody is refused where the line refuses; where it allows, the one with the least rights whom it allows comes in."""
    wrong = []
    for name, method, address, body, expected in lines(PAGES):
        wanted = dict(zip(VISITORS, expected, strict=True))
        if wanted[persona] == "y" and persona != next(one for one in FEWEST_RIGHTS_FIRST if wanted.get(one) == "y"):
            continue
        with as_if_never():
            client = as_user(world["people"][persona])
            answer = client.get(address) if method == "GET" else client.post(address, body)
        wrong += judge(answer, wanted[persona], (200, 302), by=name)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_token_opens_no_page(world, method):
    headers = {"Authorization": f"Bearer {key_of(world, 'owner')}"}
    for name, _, address, _, _ in lines(PAGES):
        assert getattr(Client(headers=headers), method)(address).status_code in (302, 405), name


def test_routes_of_nodes_are_open_to_nodes_only(world):
    for persona in (*ROLES, "stranger", "run"):
        headers = {"Authorization": f"Bearer {key_of(world, persona)}"}
        for path in ("heartbeat", "claim", "host", "host/leave", "join", ALIVE, ALIVE.replace("alive", "peers")):
            assert send(Client(), "POST", f"/nodes/v1/{path}", {}, headers).status_code == 401


def test_a_role_that_was_taken_is_gone_at_the_next_request(world, as_user):
    reader = world["people"]["reader"]
    token, browser = {"Authorization": f"Bearer {key_of(world, 'reader')}"}, as_user(reader)
    assert Client(headers=token).get(world["w"]).status_code == 200
    reader.roles.all().delete()
    assert Client(headers=token).get(world["w"]).status_code == 404
    assert browser.get("/ws/aml-workspace/").status_code == 404


def test_a_deactivated_account_has_no_access_from_the_next_request(world, as_user):
    reader = world["people"]["reader"]
    token, browser = {"Authorization": f"Bearer {key_of(world, 'reader')}"}, as_user(reader)
    assert browser.get("/ws/aml-workspace/").status_code == 200
    reader.is_active = False
    reader.save(update_fields=["is_active"])
    assert Client(headers=token).get(world["w"]).status_code == 401
    assert browser.get("/ws/aml-workspace/").status_code == 302


def test_the_administration_opens_to_site_admins_alone(world, as_user, owner):
    for persona in (*ROLES, "stranger"):
        assert as_user(world["people"][persona]).get("/admin/rows/").status_code == 302, persona
    assert as_user(owner).get("/admin/rows/").status_code == 200


@pytest.mark.parametrize("url", [url for url in all_pages() if url.startswith("/admin/")])
def test_the_pages_of_the_administration_open_to_site_admins_alone(world, as_user, url):
    url = url.replace("00000000-0000-0000-0000-000000000000", str(uuid.uuid4()))
    for method in ("get", "post"):
        for persona in ("owner", "stranger"):
            answer = getattr(as_user(world["people"][persona]), method)(url)
            assert answer.status_code in (403, 405), (persona, method)
