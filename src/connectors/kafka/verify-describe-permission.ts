import kafkajs, { type Admin } from "kafkajs";

// Node's detection of named CommonJS exports stops in the middle of this library's export list.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/**
 * Rejects when the user may not describe the cluster. It is for users who see no topic: brokers omit topics that the user may
 * not describe, so an empty list can mean a new cluster as well as a user without rights. The request lists the access rules of
 * a principal without any; a broker answers it for each user who may describe the cluster, or responds that it has no access
 * rules (SECURITY_DISABLED).
 */
export async function verifyDescribePermission(admin: Admin): Promise<void> {
  try {
    await admin.describeAcls({
      resourceType: AclResourceTypes.CLUSTER,
      resourceName: "kafka-cluster",
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: "User:nobody",
      operation: AclOperationTypes.DESCRIBE,
      permissionType: AclPermissionTypes.ALLOW,
    });
  } catch (error) {
    if (!provesNothing(error)) throw error;
  }
}

/** Errors that leave the permission unknown: no access rules, a broker without this request, or no controller to respond. */
const noAnswer = new Set([
  "SECURITY_DISABLED",
  "UNSUPPORTED_VERSION",
  "KafkaJSServerDoesNotSupportApiKey",
  "KafkaJSMetadataNotLoaded",
  "KafkaJSBrokerNotFound",
]);

function provesNothing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const type = "type" in error ? String(error.type) : "";
  return noAnswer.has(type) || noAnswer.has(error.name) || provesNothing(error.cause);
}
