// The round trip with Node's official packages: @alicloud/kms20160120 (RPC 1.0) and @alicloud/bssopenapi20171214 (ACS3).
// Arguments: endpoint (host:port), http or https, access key id, secret. Prints one JSON object.
'use strict';
const Kms = require('@alicloud/kms20160120');
const Bss = require('@alicloud/bssopenapi20171214');
const Rpc = require('@alicloud/pop-core');
const crypto = require('crypto');

const MODULES = { Region: 'ap-southeast-1', ProductVersion: '3', Spec: '1000', KeyNum: '1000', Log: '0' };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const [endpoint, protocol, accessKeyId, accessKeySecret] = process.argv.slice(2);
  const told = { client: '@alicloud/kms20160120 (Node)' };
  const bss = new Bss.default({ accessKeyId, accessKeySecret, endpoint, protocol, regionId: 'ap-southeast-1' });
  const kms = new Kms.default({ accessKeyId, accessKeySecret, endpoint, protocol, regionId: 'ap-southeast-1', type: 'access_key' });
  told.balance_before = (await bss.queryAccountBalance()).body.data.availableAmount;
  const parameter = Object.entries(MODULES).map(([code, value]) => new Bss.CreateInstanceRequestParameter({ code, value }));
  const bought = (await bss.createInstance(new Bss.CreateInstanceRequest({
    productCode: 'kms', productType: 'kms_ddi_public_intl', subscriptionType: 'Subscription', period: 1,
    clientToken: crypto.randomUUID(), parameter,
  }))).body;
  if (!bought.success) throw new Error(`${bought.code}: ${bought.message}`);
  const instanceId = bought.data.instanceId;
  told.instance_id = instanceId;
  told.order_id = bought.data.orderId;
  // pop-core is the generic client: it sends everything in a form body.
  const rpc = new Rpc({ accessKeyId, accessKeySecret, endpoint: `${protocol}://${endpoint}`, apiVersion: '2016-01-20' });
  const post = (action, params) => rpc.request(action, params, { method: 'POST' });
  await post('ConnectKmsInstance', {
    KmsInstanceId: instanceId, VpcId: 'vpc-demo', VSwitchIds: 'vsw-demo',
    ZoneIds: 'ap-southeast-1a,ap-southeast-1b', KMProvider: 'Aliyun',
  });
  let instance;
  for (let i = 0; i < 100; i += 1) {
    instance = (await post('GetKmsInstance', { KmsInstanceId: instanceId })).KmsInstance;
    if (instance.Status === 'Connected') break;
    await pause(100);
  }
  told.status = instance.Status;
  told.end_date = instance.EndDate;
  const made = (await post('CreateKey', { DKMSInstanceId: instanceId })).KeyMetadata;
  told.key_id = made.KeyId;
  told.key_state = made.KeyState;
  const encryptionContext = { purpose: 'round trip', tenant: 'ü+*~' };
  const sealed = await kms.encrypt(new Kms.EncryptRequest({ keyId: made.KeyId, plaintext: 'aGVsbG8=', encryptionContext }));
  const opened = await kms.decrypt(new Kms.DecryptRequest({ ciphertextBlob: sealed.ciphertextBlob, encryptionContext }));
  told.plaintext = opened.plaintext;
  const dataKey = await kms.generateDataKey(new Kms.GenerateDataKeyRequest({ keyId: made.KeyId, keySpec: 'AES_256' }));
  const again = await kms.decrypt(new Kms.DecryptRequest({ ciphertextBlob: dataKey.ciphertextBlob }));
  told.data_key_matches = dataKey.plaintext === again.plaintext;
  try {
    await kms.decrypt(new Kms.DecryptRequest({ ciphertextBlob: sealed.ciphertextBlob, encryptionContext: { a: 'b' } }));
  } catch (refusal) {
    told.wrong_context = String(refusal.code).replace(/Error$/, '');
  }
  told.balance_after = (await bss.queryAccountBalance()).body.data.availableAmount;
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

main().catch((error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); });
