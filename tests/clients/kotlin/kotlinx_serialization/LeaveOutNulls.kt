import amends.infrastructure.Serializer

/** Leave out what is null. The client that is generated sends it, and a PATCH would remove all that is not set. */
fun leaveOutNulls() {
    Serializer.kotlinxSerializationJsonConfiguration = { explicitNulls = false }
}

/** Each walk has a customer of its own, whose concerns are counted afterwards. */
const val PHONE = "912 345 672"
